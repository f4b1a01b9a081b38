"""One bot on several platforms' stand-ins at once: what is said on one stands on all, also after one was away."""
