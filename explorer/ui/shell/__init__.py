"""The shell round every page: navigation, session, caches, frame."""
