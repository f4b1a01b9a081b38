"""Calendars that say who is on call, one file each; the file name is the configuration key."""
