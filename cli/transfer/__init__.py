"""Files that people name: found, compared, handed over; and documents deleted."""
