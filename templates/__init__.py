"""What people read: the same file names in zh and in en."""
