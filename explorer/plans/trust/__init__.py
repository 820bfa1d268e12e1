"""How far a plan can be trusted: errors of the traces, and what a restricted search costs."""
