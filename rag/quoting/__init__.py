"""Answers without a language model: which pieces are quoted, and how sure that is."""
