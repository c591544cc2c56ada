"""Lua scripts: each file is one change of the durable state, whole or not at all."""
