"""The documents: catalogue, change log, blobs, publishing, reindexing, versions of the vectors."""
