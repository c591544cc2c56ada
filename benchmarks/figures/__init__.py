"""Figures: how good a ranking is, what memory was taken, tables and charts."""
