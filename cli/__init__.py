"""The `quern` command: a client of the HTTP API."""
