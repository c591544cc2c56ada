"""What may be asked, within which limits, and how it is taken in."""
