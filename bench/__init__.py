"""Measure the running product against a ceiling; see README.md."""
