"""Moving the queue on: whoever looks at it starts what there is room for, and tells the others how long the line is.

There is no process that minds the queue. It moves when something is asked for, when a run ends (its worker does it
before it leaves), when a page polls, and while a command waits.
"""

import time

from explorer.errors import RunError
from explorer.jobs import registry
from explorer.jobs.launching.launcher import Launcher
from explorer.jobs.queue.order import in_order
from explorer.jobs.queue.room import Room, workers
from explorer.jobs.queue.room import here as at_work_here
from explorer.runs.queue import Line, Place
from explorer.runs.store import Store
from explorer.runs.workers import this_process

LATELY = 3600.0  # seconds


def advance(store: Store, launcher: Launcher) -> None:
    """Start the next runs while there is room for them. Cheap where nobody waits or nothing is free."""
    line = _known(store.queue.line())
    if not line.waiting:
        return
    lately = _lately(store, line)
    room = None
    if len(at_work_here(line)) < workers():
        kinds = {place.kind for place in (*line.waiting, *line.at_work)}
        room = Room.here(line, store.queue.peaks(kinds))
        while (place := _reserved(store, room)) is not None:
            _launch(store, place, launcher)
        line = _known(store.queue.line())
    _tell(store, in_order(line, lately), room, line)


def _reserved(store: Store, room: Room) -> Place | None:
    """The next run, if there is room for it, taken by this process."""
    lately = _lately(store, store.queue.line())

    def choose(line: Line) -> Place | None:
        line = _known(line)
        ordered = in_order(line, lately)
        return ordered[0] if ordered and room.fits(ordered[0], line) else None

    return store.queue.reserve(choose, this_process())


def _launch(store: Store, place: Place, launcher: Launcher) -> None:
    """Start a worker for a reserved run; that it cannot be started is said where the run is looked at."""
    log = store.log_path(place.id)
    try:
        worker = launcher.submit(place.id, environment=store.environment(), log=log)
    except RunError as error:
        store.queue.refuse(place, str(error))
    else:
        store.queue.launched(place, worker)


def _tell(store: Store, ordered: tuple[Place, ...], room: Room | None, line: Line) -> None:
    said = {}
    for before, place in enumerate(ordered):
        if before:
            words = f"waiting: {before} run{'s' if before > 1 else ''} before it"
        elif room is not None and not room.full(line) and not room.fits(place, line):
            words = f"waiting: next, when about {room.need(place) / 1e9:.1f} GB of memory are free"
        else:
            words = "waiting: next"
        if words != place.message:
            said[place] = words
    if said:
        store.queue.say(said)


def _lately(store: Store, line: Line) -> dict[str | None, int]:
    """Runs started in the last hour by person; of no use where only one waits."""
    if len({place.owner for place in line.waiting}) < 2:
        return {}
    return store.queue.started_since(time.time() - LATELY)


def _known(line: Line) -> Line:
    """Without the waiting runs of kinds that only another version knows: its own workers carry them out."""
    known = tuple(place for place in line.waiting if registry.known(place.kind))
    return Line(known, line.at_work)
