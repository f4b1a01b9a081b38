"""Chat platforms, one folder each; the folder name is the configuration key."""
