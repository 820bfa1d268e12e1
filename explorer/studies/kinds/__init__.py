"""What ``[data] kind`` of a study.toml may be: how each is described, read and identified."""
