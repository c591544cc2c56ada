"""What the processes of a stack write: captured, rewritten, read and shown."""
