"""The Step sizes page."""
