"""What is known of documents, and filters on it: their language, values, columns."""
