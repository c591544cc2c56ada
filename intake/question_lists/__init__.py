"""Lists of questions: read from what teams have them in, and recorded as one job."""
