"""The Export page: a network leaves for where it runs."""
