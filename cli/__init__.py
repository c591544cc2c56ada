"""The `quern` command: an HTTP client, plus the local supervisor."""
