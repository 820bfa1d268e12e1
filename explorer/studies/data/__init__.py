"""The data of a study."""
