"""Exported plans: what they are worth, how large they are, and how long they take."""
