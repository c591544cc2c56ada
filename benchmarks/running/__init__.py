"""Running what is measured: a private service, its processes, how far a run is."""
