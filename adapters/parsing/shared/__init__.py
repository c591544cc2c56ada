"""What readers of several formats use: assembly, grids of cells, packages."""
