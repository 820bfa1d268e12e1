"""The pictures of the lessons, one module a lesson: result -> view (plain data) -> figure."""
