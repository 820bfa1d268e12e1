"""Solvers: the exact frontier, one budget by an integer programme, set B, the greedy baseline."""
