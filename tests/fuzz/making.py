"""Inputs made of honest ones: bytes changed, cut, repeated and spliced; tokens that parsers stumble over put in.

An input depends on its kind, its number and nothing else, so that whatever broke can be made again.
"""

import random

TOKENS = (
    b"[" * 200, b"{" * 200, b'"', b'"""', b"'''", b"\\", b"\\u0000", b"\\ud800", b"\0", b"\xff\xfe", b"\xef\xbb\xbf",
    b"9" * 5000, b"-1", b"0", b"1e999", b"1e308", b"1e-320", b"NaN", b"nan", b"inf", b"-Infinity", b"null", b"true",
    b"18446744073709551616", b"9223372036854775807", b"4294967295", b"\xff\xff\xff\xff", b"\xff" * 8, b"\x00" * 8,
    b"a." * 300, b"x" * 10_000, b"/" * 300, b"../", b"~", b"\x1b[1m", b"<script>", "\u202e٣ä😀".encode(), b",", b"=",
    b"#", b"[]", b"{}", b"\n", b"\r\n", b"\x80\x02",
)  # fmt: skip


def draw(kind: str, number: int) -> random.Random:
    """The source of all chance in one input."""
    return random.Random(f"{kind} {number}")


def mutated(content: bytes, chance: random.Random) -> bytes:
    """The content after one to six changes."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        at = chance.randrange(len(changed) + 1)
        to = min(len(changed), at + chance.choice((0, 1, 1, 2, 4, 8, 40)))
        match chance.randrange(6):
            case 0:
                changed[at:to] = chance.choice(TOKENS)
            case 1:
                changed[at:to] = chance.randbytes(to - at)
            case 2:
                del changed[at:to]
            case 3 if at < len(changed):
                changed[at] ^= 1 << chance.randrange(8)
            case 4:
                changed[at:at] = changed[at:to] * chance.choice((1, 2, 50))
            case _:
                other = chance.randrange(len(changed) + 1)
                changed[at:at] = changed[other : other + 40]
    return bytes(changed[: chance.choice((len(changed), len(changed), len(changed), at))])


def value(chance: random.Random) -> str:
    """A word that a person may type for an option."""
    numbers = (
        "0", "1", "-1", "2", "4,8", "32", "9" * 30, "9" * 5000, "1e23", "1e-320", "1e308", "nan", "inf", "-inf",
    )  # fmt: skip
    words = (
        "", " ", "\0", "a\0b", "x" * 10_000, "x/" * 3000, ".", "/", "/dev/zero", "~nobody/x", "\x1b[1mred", "a=b=c",
        "=4", "stem=4", "stem=" + "9" * 50, "stem=head", ",", "4,,8", "\ud800", "\n", "--json", "<b>", "😀" * 400, "٣",
    )  # fmt: skip
    return chance.choice(numbers + words)
