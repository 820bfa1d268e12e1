"""The header of a safetensors file, checked before its parser sees it.

The file begins with eight bytes, the length of the header; the header is JSON with an entry for every tensor. The
format allows a header of 100 MB, of which the parser makes gigabytes.
"""

from pathlib import Path

from explorer import reading
from explorer.errors import StudyError
from explorer.reading.regular import size

MOST_BYTES = 10_000_000
MOST_TENSORS = 100_000


def check_header(path: Path) -> None:
    """Check the length of the header and the number of tensors.

    Raises:
        StudyError: the file has no such header, or one beyond the limits.
    """
    with path.open("rb") as stream:
        stored = path.stat().st_size
        length = int.from_bytes(stream.read(8), "little")
        header = stream.read(min(length, MOST_BYTES, stored))
    if stored < 8 or length > stored - 8 or not header.startswith(b"{"):
        described = reading.instead(path)
        reason = "it does not begin with a header" if described is None else f"it {described}"
        raise StudyError(f"the weights file {path} is not a safetensors file: {reason}")
    if length > MOST_BYTES:
        raise StudyError(
            f"the weights file {path} has a header of {size(length)}; at most {size(MOST_BYTES)} are read"
        )
    # Every tensor has this key; an escape in it would be another spelling of the same, which no writer uses.
    count = header.count(b"data_offsets") + header.count(b"\\u00")
    if count > MOST_TENSORS:
        raise StudyError(
            f"the weights file {path} has more than {MOST_TENSORS:,} tensors; is it of another network?"
        )
