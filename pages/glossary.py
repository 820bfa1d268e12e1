"""Glossary: what the terms on the other pages mean, and where they come from."""

from explorer.ui.shell import navigation
from explorer.ui.start import glossary

navigation.in_frame()
glossary.show()
