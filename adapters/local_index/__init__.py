"""A replica's own index: BM25 on tantivy, rows beside it, and the follower."""
