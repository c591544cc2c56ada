"""The sparse index of a replica: BM25 on tantivy."""
