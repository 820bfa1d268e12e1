"""Who is next, by hand: urgency, then fairness between people, then age."""

from collections.abc import Sequence

import pytest

from explorer.jobs.queue.order import in_order
from explorer.runs.queue import Line, Place


def place(name: str, *, owner: str | None = None, priority: int = 0, created: float = 0.0) -> Place:
    return Place(name, "selftest", "0", owner, priority, created, "", 0, None)


def names(places: Sequence[Place]) -> str:
    return "".join(each.id for each in places)


def test_among_equals_the_oldest_is_next() -> None:
    waiting = (place("b", created=2), place("a", created=1), place("c", created=2))
    assert names(in_order(Line(waiting, ()), {})) == "abc"


def test_what_is_urgent_goes_before_what_waits_longer_and_before_fairness() -> None:
    waiting = (
        place("a", owner="ann", priority=-10, created=1),
        place("b", owner="ann", created=2),
        place("c", owner="ann", priority=10, created=3),
        place("d", owner="bob", created=4),
    )
    assert names(in_order(Line(waiting, ()), {"ann": 9})) == "cdba"


def test_one_who_asks_for_many_delays_another_by_one_place() -> None:
    """Ann's ten came first; Bob's and Carl's take turns with them."""
    many = tuple(place(letter, owner="ann", created=n) for n, letter in enumerate("abcdefghij"))
    few = (place("x", owner="bob", created=20), place("y", owner="bob", created=21), place("z", created=22))
    assert names(in_order(Line((*many, *few), ()), {})) == "axzbycdefghij"


@pytest.mark.parametrize(
    ("at_work", "lately", "order"),
    [
        ("", {}, "ab"),
        ("ann", {}, "ba"),
        ("ann bob", {}, "ab"),
        ("ann bob", {"ann": 3, "bob": 2}, "ba"),  # both have one at work: who had less of late is next
        ("bob", {"ann": 100}, "ab"),  # what is at work now weighs more
    ],
)
def test_who_has_least_at_work_is_next(at_work: str, lately: dict[str | None, int], order: str) -> None:
    waiting = (place("a", owner="ann", created=1), place("b", owner="bob", created=2))
    working = tuple(place(str(n), owner=owner) for n, owner in enumerate(at_work.split()))
    assert names(in_order(Line(waiting, working), lately)) == order
