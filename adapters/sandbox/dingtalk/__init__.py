"""A stand-in for DingTalk: its old and new API, Stream mode and cards, and people to play."""
