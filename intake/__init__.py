"""What may be asked, within which limits, how it is taken in, and how a job is shown."""
