"""Course: every lesson, and how far one is."""

from explorer.ui.course import overview
from explorer.ui.shell import navigation

navigation.in_frame()
overview.show()
