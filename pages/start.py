"""Start: what the app is for, for whom, and the ways in."""

from explorer.ui.shell import navigation
from explorer.ui.start import page

navigation.in_frame()
page.show()
