"""Who is on call: turns of people, what was changed about them, and calendars that others keep."""
