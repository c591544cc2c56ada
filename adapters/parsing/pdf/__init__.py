"""PDF files, read by where their words stand on a page."""
