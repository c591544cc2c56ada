"""What must hold of a history and of what a run leaves behind."""
