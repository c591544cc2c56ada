"""Files named on the command line: found, compared and uploaded; and documents deleted."""
