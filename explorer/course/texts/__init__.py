"""The lessons, one module each: ``l02_quantizing`` is lesson 2, and has a `explorer.course.parts.Lesson` as ``LESSON``."""
