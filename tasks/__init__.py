"""Celery: the app, its tasks, and how their messages are sent."""
