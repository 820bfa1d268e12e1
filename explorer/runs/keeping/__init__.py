"""What lies in a store besides its rows: checkpoints, the files runs refer to, and what is left behind."""
