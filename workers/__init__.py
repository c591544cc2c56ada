"""One entry point per worker role and one adapter per heavy library."""
