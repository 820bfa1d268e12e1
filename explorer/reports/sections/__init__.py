"""Chapters of a report, one file each: from the material to a `Section`, or to what is `Absent`."""
