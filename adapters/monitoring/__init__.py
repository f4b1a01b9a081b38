"""Monitoring sources, one file each; the file name is the configuration key."""
