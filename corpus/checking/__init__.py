"""Whether catalogue, vectors and indexes agree, and mending what does not."""
