"""Commands that make files for other people: a report, and archives of a study with its runs."""
