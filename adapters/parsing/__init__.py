"""File bytes become parsed documents: one module a format, all of it run in limited processes."""
