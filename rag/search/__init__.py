"""Searching: dense and sparse legs, fusion, reranking, near-duplicates left out."""
