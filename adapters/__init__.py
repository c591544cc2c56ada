"""The ports of the domain on real libraries and servers: one folder for each."""
