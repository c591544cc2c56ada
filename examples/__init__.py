"""The documents that the demo ingests, and the script that builds some of them."""
