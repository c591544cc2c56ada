"""The ports in memory, for tests and benchmarks: no files, no processes, no weights."""
