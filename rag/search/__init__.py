"""Searching: dense and sparse retrievers, fusion, reranking, near-duplicates left out."""
