"""Measuring the plan in hand at once: a process that keeps a study loaded and measures a few samples at a time."""
