"""Channels by which people outside chats are reached, one file each; the file name is the configuration key."""
