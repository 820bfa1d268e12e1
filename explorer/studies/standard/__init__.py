"""The standard form of a network: every operator with a weight runs through a module of its own."""
