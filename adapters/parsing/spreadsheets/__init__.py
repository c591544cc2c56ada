"""Spreadsheets: Excel, old and new, and OpenDocument."""
