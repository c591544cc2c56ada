"""What every process needs to be operated: settings, logs, metrics, traces, Redis clients."""
