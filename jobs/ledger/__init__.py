"""The ledger: the durable record of every unit, changed by one Lua script at a time."""
