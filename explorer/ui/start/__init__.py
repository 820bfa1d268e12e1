"""The start page, the tour over the pages, and the glossary."""
