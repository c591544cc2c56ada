"""The pure domain: documents, chunks, tokens, fusion, citations. No I/O, no clock."""
