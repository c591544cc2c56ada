"""Celery: what may be asked of the system, and by which message."""
