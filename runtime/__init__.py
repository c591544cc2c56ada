"""What every process needs to be operated: settings, logs, heartbeats, Redis clients."""
