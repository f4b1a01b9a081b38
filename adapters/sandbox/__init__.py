"""Local stand-ins for the outside world, for the sandbox and the tests."""
