"""What all processes agree on: keys, periods, ids, messages, and the Lua scripts."""
