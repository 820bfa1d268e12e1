"""The three phases of LAPQ."""
