"""`/v1`: OpenAI's surface on the same jobs, collections and files."""
