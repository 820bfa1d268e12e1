"""What is said of runs: their titles, what they found in a few numbers, and how several differ."""
