"""Jobs: what was asked and what became of it; units, events, heartbeats, counts."""
