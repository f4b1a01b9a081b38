"""The rules that `reactions.py` lists: pure functions of a few lines, by what they are about."""
