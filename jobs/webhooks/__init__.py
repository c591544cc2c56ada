"""Webhooks: who wants to hear that a job ended, and what became of telling them."""
