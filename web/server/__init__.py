"""Gunicorn: its threads, its last seconds, its log."""
