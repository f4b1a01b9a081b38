"""The durable shell: once-only intake, outbox, timers and limits."""
