"""The catalogue: which collections there are, and which generation of each document is current."""
