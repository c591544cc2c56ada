"""Files that hold other files: archives and e-books."""
