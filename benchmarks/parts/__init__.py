"""Parts of one benchmark each: programs that it starts, and what it compares."""
