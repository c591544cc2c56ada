"""The processes that parse: limited, without network, started for each file."""
