"""Text without marks: prose, logs, code, records."""
