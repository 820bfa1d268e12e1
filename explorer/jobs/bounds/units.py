"""Times and sizes as a person writes them: ``2h``, ``1h30m``, ``90``; ``4GB``, ``500 MiB``.

>>> from explorer.jobs.bounds.units import seconds_of, bytes_of, time_text
>>> seconds_of("1h30m"), bytes_of("4GB", "the limit"), time_text(5400)
(5400.0, 4000000000, '1 h 30 min')
"""

import math
import re

from explorer.errors import RunError

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_BYTES = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
}
_UNITS = "min|[smhd]"
_WORDIEST = 40
_LONGEST = 366 * 86400
_LARGEST = 2**50
_NUMBER = r"(\d{1,12}(?:\.\d{1,6})?)\s*"


def seconds_of(text: str, name: str = "the time limit") -> float:
    """Seconds of a time such as ``2h``, ``1h30m``, ``45 min`` or ``90``.

    Raises:
        RunError: it is none, not above 0, or longer than a year.
    """
    words = text.strip().lower()[:_WORDIEST]
    parts = re.findall(rf"{_NUMBER}({_UNITS})", words, re.A)
    if re.fullmatch(_NUMBER, words, re.A):
        seconds = float(words)
    elif re.fullmatch(rf"(?:{_NUMBER}(?:{_UNITS})\s*)+", words, re.A):
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    else:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST:
        raise RunError(
            f"{name} is {text[:_WORDIEST]!r}; give a time such as 90s, 45m, 2h or 1h30m, of at most a year"
        )
    return seconds


def bytes_of(text: str, name: str) -> int:
    """Bytes of a size such as ``4GB`` or ``500MiB``.

    Raises:
        RunError: it is none, or not above 0.
    """
    found = re.fullmatch(_NUMBER + r"([kmgt]?i?)b?", text.strip().lower()[:_WORDIEST], re.A)
    size = float(found[1]) * _BYTES.get(found[2], 0) if found else 0.0
    if not 1 <= size <= _LARGEST:
        raise RunError(f"{name} is {text[:_WORDIEST]!r}; give a size such as 800MB or 4GB")
    return math.floor(size)


def time_text(seconds: float) -> str:
    """A limit in words, its parts down to the second."""
    rest = round(seconds)
    if rest < 1:
        return f"{seconds:g} s"
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts)
