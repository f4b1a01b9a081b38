"""Slack being away in every way, for a scaled minute, while people go on working."""
