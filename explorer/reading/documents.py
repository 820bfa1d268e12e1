r"""JSON and TOML whose cost is bounded by their size.

Before a parser sees a text, what the parser would recurse into or take quadratic time for is counted in linear time,
strings and comments left out: how deep brackets nest, how many digits a number has, how many parts a dotted key has
(``tomllib`` takes memory quadratic in them). The patterns are possessive, so that none of them tries a character twice.

>>> from explorer.errors import PlanError
>>> from explorer.reading.regular import Kind
>>> plan = Kind("the plan", 5_000_000, PlanError, "name another", mend="export it again")
>>> parse_json('{"w_bits": 4}', plan)
{'w_bits': 4}
>>> parse_json("[" * 100, plan)
Traceback (most recent call last):
    ...
explorer.errors.PlanError: the plan nests brackets more than 32 deep; export it again
"""

import json
import math
import re
import tomllib
from itertools import accumulate
from typing import Any, NoReturn

from explorer.reading.regular import Kind

DEPTH = 32
DIGITS = 40  # of a number; a float written out has 17
PARTS = 8  # of a dotted key

_JSON_STRINGS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z|\\\Z)', re.DOTALL)
_TOML_STRINGS = re.compile(
    r'"""(?:[^"\\]++|\\.|"{1,2}+(?!"))*+(?:"{3,5}+|\Z|\\\Z|"{1,2}\Z)'
    r"|'''(?:[^']++|'{1,2}+(?!'))*+(?:'{3,5}+|\Z|'{1,2}\Z)"
    r'|"(?:[^"\\\n]++|\\[^\n])*+(?:"|$|\\$)'
    r"|'[^'\n]*+(?:'|$)"
    r"|\#[^\n]*+",
    re.DOTALL | re.MULTILINE,
)
_LONG_NUMBER = re.compile(rf"(?<![0-9_])[0-9_]{{{DIGITS + 1}}}")
_LONG_KEY = re.compile(rf"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){{{PARTS}}}")
_LONE_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_BRACKETS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_OTHERS = bytes(set(range(256)) - set(_BRACKETS))


def parse_json(text: str, kind: Kind, *, of: str = "") -> Any:
    """What a JSON text holds; NaN and infinities, which JSON does not have, are refused.

    Args:
        of: what follows the noun in a sentence, such as the path.

    Raises:
        ExplorerError: of the kind: it is not JSON, or exceeds a limit.
    """
    _check_bounds(_JSON_STRINGS.sub('""', text), kind, of)
    try:
        content = json.loads(text, parse_constant=_not_finite, parse_float=_finite)
        if _LONE_HALF.search(text):
            json.dumps(content, ensure_ascii=False).encode()  # half a character, which no text can hold
    except (ValueError, RecursionError) as error:
        _refuse(f"is not JSON ({error})", kind, of, error)
    return content


def parse_toml(text: str, kind: Kind, *, of: str = "") -> dict[str, Any]:
    """What a TOML text holds.

    Raises:
        ExplorerError: of the kind: it is not TOML, or exceeds a limit.
    """
    bare = _TOML_STRINGS.sub(lambda found: "" if found[0][0] == "#" else "s", text)
    _check_bounds(bare, kind, of)
    if _LONG_KEY.search(bare):
        _refuse(f"has a dotted key of more than {PARTS} parts", kind, of)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        _refuse(f"is not valid TOML ({error})", kind, of, error)


def _check_bounds(bare: str, kind: Kind, of: str) -> None:
    brackets = bare.encode("utf-8", "replace").translate(None, _OTHERS)
    if max(accumulate(map(_BRACKETS.__getitem__, brackets)), default=0) > DEPTH:
        _refuse(f"nests brackets more than {DEPTH} deep", kind, of)
    if _LONG_NUMBER.search(bare):
        _refuse(f"has a number of more than {DIGITS} digits", kind, of)


def _refuse(problem: str, kind: Kind, of: str, cause: BaseException | None = None) -> NoReturn:
    raise kind.refusal(f"{kind.noun}{of} {problem}; {kind.mend}") from cause


def _not_finite(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large for a number")
    return value
