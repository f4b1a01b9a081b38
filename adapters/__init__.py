"""What talks to the outside; each plug-in is a file or a folder, loaded by its configuration key."""
