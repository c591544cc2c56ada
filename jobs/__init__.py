"""The ledger: the durable record of what was asked and what became of it."""
