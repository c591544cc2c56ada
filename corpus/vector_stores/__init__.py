"""Vector stores: what is kept of a collection beside its documents, and files attached to it."""
