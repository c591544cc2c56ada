"""Text without marks: prose, logs, code, records, and how its bytes become letters."""
