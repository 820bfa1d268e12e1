"""The course: what each of its lessons says and asks, drawn alike by a page and by a notebook.

A lesson is a module of `explorer.course.texts`; what it computes is in `explorer.lessons`, what it draws in
`explorer.figures.lessons`. docs/writing-lessons.md says how to write one.
"""
