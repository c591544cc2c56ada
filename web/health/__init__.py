"""Health of the installation: probed in the background, read by requests."""
