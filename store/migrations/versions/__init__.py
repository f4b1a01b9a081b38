"""The revisions, `v<revision>_<name>.py`; one that was released never changes."""
