"""Commands for those who run an installation, on its machine."""
