"""Metrics: every one that there is, and how a process counts and shows its own."""
