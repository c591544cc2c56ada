"""Embedding models and rerankers: ONNX Runtime, sentence-transformers, their cache."""
