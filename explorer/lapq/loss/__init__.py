"""The loss as a function of all steps, and the ways to evaluate it quickly."""
