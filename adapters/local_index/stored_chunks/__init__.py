"""The rows of a replica: facts, vectors and texts of each chunk, and what a filter selects."""
