"""One module a kind of run: a thin adapter from a `RunContext` to the computation it stands for."""
