"""Cutting documents into chunks, and texts into pieces that may be quoted."""
