"""File bytes become parsed documents: kinds of files told apart, and their languages."""
