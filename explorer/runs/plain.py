"""Plain data: what a run's specs, points, states and results are made of, and its text form.

Plain means None, booleans, whole numbers, floats, strings, lists and dictionaries with string keys. Anything
else is refused by name where it is written, because it would come back as something different (a key 3 as
"3") or not at all. Two text forms: `encode` keeps NaN and infinities exactly, since a diverging loss is worth
recording; `canonical` refuses them and is the same text for equal data, since it is what gets hashed.
"""

import json
import math
from typing import Any

from explorer.errors import RunError


def plain(value: Any, what: str) -> Any:
    """A copy of ``value`` in plain data, tuples as lists; RunError naming ``what`` where it is not plain."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, list | tuple):
        return [plain(item, f"{what}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            if type(key) is not str:
                raise RunError(f"{what} has the key {key!r}, which is not a string; turn it into one.")
        return {key: plain(item, f"{what}[{key!r}]") for key, item in value.items()}
    raise RunError(f"{what} is a {type(value).__name__}; turn it into a plain number, string, list or dict.")


def encode(value: Any, what: str) -> str:
    """Text that `decode` turns back into equal data, NaN and infinities included."""
    return json.dumps(plain(value, what), separators=(",", ":"))


def decode(text: str) -> Any:
    """The data that `encode` was given."""
    return json.loads(text)


def canonical(value: Any, what: str) -> str:
    """JSON with sorted keys and no whitespace, in ASCII: equal data gives equal text."""
    data = plain(value, what)
    _check_finite(data, what)
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _check_finite(value: Any, what: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise RunError(f"{what} is {value}; give a finite number.")
    if isinstance(value, list):
        for i, item in enumerate(value):
            _check_finite(item, f"{what}[{i}]")
    if isinstance(value, dict):
        for key, item in value.items():
            _check_finite(item, f"{what}[{key!r}]")
