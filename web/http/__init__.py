"""Reading requests and writing responses: problems, lists, uploads, events, waiting."""
