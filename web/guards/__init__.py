"""Guards before every route: whose host is meant, who calls, what strangers are not told."""
