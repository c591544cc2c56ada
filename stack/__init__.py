"""Quern on one machine: its processes started, supervised and stopped."""
