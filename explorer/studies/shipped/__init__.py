"""The built-in studies: where they are, and how they are made or fetched."""
