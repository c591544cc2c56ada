"""Whether catalogue, vectors and indexes agree, and the repair of what does not."""
