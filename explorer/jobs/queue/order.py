"""Who of those that wait is next: the more urgent first, then whoever has least at work, then who has waited longest.

Fairness is a round robin by deficit: among runs of one priority the next place goes to the person with the fewest runs
at work, then to the one who had the fewest started lately, so that two hundred runs of one person delay the first run
of another by one place and not by two hundred.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence

from explorer.runs.queue import Line, Place


def in_order(line: Line, lately: Mapping[str | None, int]) -> tuple[Place, ...]:
    """Those that wait, the next one first.

    Args:
        lately: how many runs of each person were started lately.
    """
    at_work: Counter[str | None] = Counter(place.owner for place in line.at_work)
    started = Counter(lately)
    ordered: list[Place] = []
    for priority in sorted({place.priority for place in line.waiting}, reverse=True):
        equals = sorted(
            (place for place in line.waiting if place.priority == priority),
            key=lambda place: (place.created, place.id),
        )
        ordered += _round_robin(equals, at_work, started)
    return tuple(ordered)


def _round_robin(
    oldest_first: Sequence[Place], at_work: Counter[str | None], started: Counter[str | None]
) -> list[Place]:
    """Each person's oldest in turn; the counters go on as if each were started."""
    queues: dict[str | None, deque[Place]] = defaultdict(deque)
    for place in oldest_first:
        queues[place.owner].append(place)
    ordered = []
    while queues:
        owner = min(
            queues, key=lambda one: (at_work[one], started[one], queues[one][0].created, queues[one][0].id)
        )
        ordered.append(queues[owner].popleft())
        at_work[owner] += 1
        started[owner] += 1
        if not queues[owner]:
            del queues[owner]
    return ordered
