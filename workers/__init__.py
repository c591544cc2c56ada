"""The worker processes: an entry point for each role, and maintenance."""
