"""What a run may take, of time and of memory, and what is said where that did not suffice."""
