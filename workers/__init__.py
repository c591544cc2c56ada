"""The worker processes: an entry point for each role, and what they do beside: housekeeping."""
