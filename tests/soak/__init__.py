"""Many hours on all chats at once, with everything going wrong now and then."""
