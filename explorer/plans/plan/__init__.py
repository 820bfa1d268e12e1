"""A plan, its file, and plans that papers published."""
