"""Sending webhooks: to addresses that were looked at, signed, again and again until one answers."""
