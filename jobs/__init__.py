"""The ledger: what was asked and what became of it; claims, retries, events, heartbeats, counts."""
