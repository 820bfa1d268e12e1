"""The course's pages: every lesson is drawn by the same code."""
