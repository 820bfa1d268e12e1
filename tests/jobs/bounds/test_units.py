"""Times and sizes as people write them, and what is none."""

import pytest

from explorer.errors import RunError
from explorer.jobs.bounds.units import bytes_of, seconds_of, time_text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("90", 90), ("90s", 90), ("0.5s", 0.5), ("45m", 2700), ("45 min", 2700), ("2h", 7200)),
        *(("1h30m", 5400), ("1h 30m 5s", 5405), ("1.5H", 5400), ("7d", 604800)),
    ],
)
def test_a_time_is_read(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


NO_TIMES = [
    "",
    "0",
    "-1s",
    "2x",
    "h",
    "1h2",
    "two hours",
    "1e9",
    "400d",
    "nan",
    "inf",
    "²",
    "9" * 5000,
    "1 2 3h" * 9000,
]


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time_is_a_sentence(text: str) -> None:
    with pytest.raises(
        RunError, match=r"^--time-limit is '.{0,40}'; give a time such as 90s, 45m, 2h or 1h30m"
    ):
        seconds_of(text, "--time-limit")


@pytest.mark.parametrize(
    ("text", "size"), [("4GB", 4 * 10**9), ("1.5 g", 1.5 * 10**9), ("500MiB", 500 * 2**20), ("1024", 1024)]
)
def test_a_size_is_read(text: str, size: int) -> None:
    assert bytes_of(text, "x") == size


@pytest.mark.parametrize(
    "text", ["", "0", "-1GB", "4 apples", "inf", "i", "5i", "1e9", "9" * 5000, "2000000TB"]
)
def test_what_is_no_size_is_a_sentence(text: str) -> None:
    with pytest.raises(RunError, match=r"^LIMIT is '.{0,40}'; give a size such as 800MB or 4GB"):
        bytes_of(text, "LIMIT")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "0.5 s"), (90, "1 min 30 s"), (7200, "2 h"), (90000, "1 d 1 h")]
)
def test_a_limit_is_said_in_its_largest_units(seconds: float, text: str) -> None:
    assert time_text(seconds) == text
