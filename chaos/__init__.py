"""Real processes are hurt while clients keep a history of what they saw; then it is checked."""
