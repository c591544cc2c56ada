"""What became of it: jobs, their events, documents and collections, as the API shows them."""
