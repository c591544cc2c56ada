"""Metrics: the list of all, and how a process counts and exports its own."""
