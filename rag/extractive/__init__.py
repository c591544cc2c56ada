"""Extractive answers, without a language model: candidates, scores, quotes and confidence."""
