"""Reading what comes from outside: how large, how deep and of what form a text may be before anything parses it.

A file may be a folder, a device without an end or a gigabyte; a text of a few kilobytes may nest so deep or name its
keys so long that its parser takes the computer's memory. `Kind` says what is read and how large it may be; whatever
stands against it is raised as the kind's own error, in one sentence.
"""

from explorer.reading.documents import parse_json, parse_toml
from explorer.reading.recognising import instead
from explorer.reading.regular import Kind, checked, read_bytes, read_text, text_of

__all__ = ["Kind", "checked", "instead", "parse_json", "parse_toml", "read_bytes", "read_text", "text_of"]
