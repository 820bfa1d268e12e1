"""Lesson 12."""

from explorer.ui.course import lesson
from explorer.ui.shell import navigation

navigation.in_frame()
lesson.show(12)
