"""Leases: what one process has claimed, alone or in batches, and how that ends."""
