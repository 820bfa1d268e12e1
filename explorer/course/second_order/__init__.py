"""What lesson 7 shows: weights that are deleted, blocks that are ranked, traces that are estimated."""
