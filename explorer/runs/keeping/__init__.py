"""What is kept for a run besides its row: checkpoints to go on from."""
