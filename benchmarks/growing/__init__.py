"""What growth costs: a full Redis, bytes of a job, work of many rows, many collections."""
