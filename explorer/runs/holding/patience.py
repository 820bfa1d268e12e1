"""Patience with a database that cannot be used for a while.

A lock that another process holds, or a server that is restarted, costs a computation time and not its results: what it
has to write is tried again, at growing intervals with some chance in them, so that many workers do not come back at the
same moment.
"""

import os
import random
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from explorer.errors import RunError
from explorer.runs.database import Unavailable

SECONDS = 600.0
FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0

T = TypeVar("T")


def seconds() -> float:
    """How long a worker waits for its database: 10 min, or what EXPLORER_DATABASE_PATIENCE says in seconds."""
    named = os.environ.get("EXPLORER_DATABASE_PATIENCE")
    if not named:
        return SECONDS
    try:
        found = float(named)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 86_400:
        raise RunError(
            f"EXPLORER_DATABASE_PATIENCE is {named[:40]!r}; give it a number of seconds from 0 to 86400."
        )
    return found


def patiently(
    attempt: Callable[[], T],
    *,
    limit: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """What ``attempt`` returns, tried again while the database is `Unavailable`; its last error after ``limit``."""
    until = clock() + (seconds() if limit is None else limit)
    wait = FIRST_WAIT
    while True:
        try:
            return attempt()
        except Unavailable as error:
            if clock() + wait > until:
                raise
            if wait >= 1:
                print(f"{error} Waiting for it.", file=sys.stderr)
        sleep(wait * random.uniform(0.5, 1.0))
        wait = min(2 * wait, LONGEST_WAIT)
