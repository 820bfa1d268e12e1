"""What is trained for the tables of docs/training.md, in which order, and how the tables are made of it."""
