"""What is chosen from: groups of blocks, widths, limits, ties."""
