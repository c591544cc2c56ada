"""OpenDocument texts, and what all OpenDocument files have in common."""
