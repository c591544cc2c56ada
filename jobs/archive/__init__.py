"""The archive: ended rows in segment files on the disk, so that Redis keeps only where they lie."""
