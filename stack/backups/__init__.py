"""Backups: an installation copied into a folder while it runs, and made from such a folder."""
