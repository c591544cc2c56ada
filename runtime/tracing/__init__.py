"""Traces: the spans of a process, recorded and sent where a collector is named."""
