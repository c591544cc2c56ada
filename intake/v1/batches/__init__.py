"""Batches of `/v1`: a file of requests is asked as a list, and answered with files."""
