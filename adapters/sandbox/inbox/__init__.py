"""Where the sandbox's people are reached outside chats: their mail, phones, a status page that takes webhooks, and silences."""
