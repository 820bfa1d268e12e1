"""The current plan: bars, table, comparison, saved plans."""
