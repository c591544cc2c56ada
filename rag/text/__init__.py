"""A text taken apart: lines, sentences, rows of tables, and it without its marks."""
