"""What a file is instead of what its name says: the usual accidents of a download, told from its first bytes."""

from pathlib import Path

_LOOKED_AT = 512


def instead(path: Path) -> str | None:
    """What a file evidently is, in words that follow "it"; None where nothing can be said."""
    with path.open("rb") as stream:
        return described(stream.read(_LOOKED_AT))


def described(start: bytes) -> str | None:
    """What a file that begins so evidently is.

    >>> described(b"<!DOCTYPE html><html>")
    'begins like a web page, so the download may have failed'
    """
    if not start:
        return "is empty"
    if not start.strip(b"\0"):
        return "begins with nothing but zeros, so it was not written to the end"
    if start.startswith(b"version https://git-lfs"):
        return "is a pointer of Git LFS and not the file itself; run git lfs pull"
    opening = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if opening.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "begins like a web page, so the download may have failed"
    try:
        text = start.decode()
    except UnicodeDecodeError as error:
        if error.start < len(start) - 4:  # else the last character was cut
            return None
        text = start[: error.start].decode()
    return "is text" if all(each.isprintable() or each.isspace() for each in text) else None
