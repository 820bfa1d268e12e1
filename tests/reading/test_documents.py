"""What a parser of JSON or TOML would recurse into or take quadratic time for is refused before it sees it."""

import json
import time
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.errors import StudyError
from explorer.reading import Kind, parse_json, parse_toml

KIND = Kind("the study", 5_000_000, StudyError, "name another")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "nests brackets more than 32 deep"),
        ('{"a":' * 100_000, "nests brackets more than 32 deep"),
        ('{"a": ' + "9" * 5000 + "}", "a number of more than 40 digits"),
        ("[NaN]", "NaN is no number"),
        ("[-Infinity]", "-Infinity is no number"),
        ("[1e999]", "1e999 is too large"),
        (r'{"\ud800": 1}', "is not JSON"),
        ('{"a": 1,}', "is not JSON"),
        ("", "is not JSON"),
    ],
)
def test_json_beyond_the_limits(text: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        parse_json(text, KIND)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "[" * 100_000, "nests brackets more than 32 deep"),
        ("a = " + "{a=" * 100_000, "nests brackets more than 32 deep"),
        ("a = " + "9" * 5000, "a number of more than 40 digits"),
        ("a = " + "9_" * 3000 + "9", "a number of more than 40 digits"),
        (".".join("a" * 100_000) + " = 1", "a dotted key of more than 8 parts"),
        ("[" + " . ".join("ab" * 100_000) + "]", "a dotted key of more than 8 parts"),
        ('"a"."b".' * 5 + "c = 1", "a dotted key of more than 8 parts"),
        ("a = {" + ".".join("'a'" * 9) + " = 1}", "is not valid TOML|a dotted key of more than 8 parts"),
        ("a = 2026-13-45", "is not valid TOML"),
        ('a = "' + "x" * 10, "is not valid TOML"),
    ],
)
def test_toml_beyond_the_limits(text: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        parse_toml(text, KIND)


@pytest.mark.parametrize("parse", [parse_json, parse_toml])
@pytest.mark.parametrize(
    "text",
    ['"', "'", '"""', "'''", "\\", '"\\', "a.", "a ", "a. ", "9", "[]", "#", "\n", "{", '""" "', "'' '"],
)
def test_the_look_ahead_takes_linear_time(parse: Any, text: str) -> None:
    """A pattern that goes back would take hours for a megabyte; this takes a fraction of a second."""
    started = time.process_time()
    with pytest.raises(StudyError):
        parse(text * (200_000 // len(text)) + "\n!", KIND)
    assert time.process_time() - started < 60


def test_strings_and_comments_do_not_count() -> None:
    """Brackets, digits and dots are counted where a parser acts on them, and nowhere else."""
    brackets, digits, dots = "[" * 100, "9" * 100, ".".join("a" * 100)
    each = [brackets, digits, dots, 'a\\"' + brackets, "\\\\", "it's"]
    assert parse_json(json.dumps(each), KIND) == each
    toml = "\n".join(
        [
            f'a = "{brackets}\\" {digits} {dots}" # {brackets} "',
            f"b = '{brackets} {digits} {dots}' # {digits} '",
            f'c = """\n{brackets} "" \\""" {digits}\n{dots}"""""',
            f"d = '''\n{brackets} '' {digits}\n{dots}'''''",
            f'# {dots} = {brackets} """',
            "e.f.g = 1",
        ]
    )
    assert parse_toml(toml, KIND) == tomllib.loads(toml)


_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
_CONTENT = st.recursive(
    _LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(content=_CONTENT, ascii_only=st.booleans())
def test_what_is_within_the_limits_reads_as_it_was_written(content: Any, ascii_only: bool) -> None:
    assert parse_json(json.dumps(content, ensure_ascii=ascii_only), KIND) == content


@given(text=st.text(alphabet="ab.\"'\\#=[]{}\n 19_,", max_size=60))
def test_the_look_ahead_never_refuses_a_small_text_that_is_toml(text: str) -> None:
    """Whatever quotes and comments are in it, the look-ahead sees the strings that the parser sees."""
    try:
        wanted = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(StudyError, match="TOML"):
            parse_toml(text, KIND)
    else:
        assert parse_toml(text, KIND) == wanted
