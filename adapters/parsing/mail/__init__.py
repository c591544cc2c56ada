"""Mail, and the web pages that are saved as mail."""
