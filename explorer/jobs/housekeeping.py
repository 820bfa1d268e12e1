"""Looking after the runs in a store: finding them, what they take on the disk, deleting those of no more use."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

from explorer.errors import RunError
from explorer.runs.artifacts import ArtifactFolder
from explorer.runs.run import Run, Status
from explorer.runs.store import Store

STATUSES: tuple[Status, ...] = get_args(Status)
_LOG_BYTES = 100_000  # that are read of a log's end
ENDED_EARLY: tuple[Status, ...] = ("failed", "cancelled", "lost")


def find(store: Store, name: str) -> Run:
    """The run whose id begins so.

    Raises:
        RunError: none does, or several do.
    """
    found = [run for run in store.list() if run.id.startswith(name)] if name else []
    exact = [run for run in found if run.id == name]
    if len(found) > 1 and not exact:
        raise RunError(
            f"{len(found)} runs begin with {name!r} ({', '.join(run.id for run in found[:4])}); give more digits"
        )
    if not found:
        raise RunError(f"There is no run {name!r}; `runs list` shows those there are.")
    return (exact or found)[0]


def chosen(
    store: Store, *, status: Collection[str] = (), kind: str | None = None, study: str | None = None
) -> tuple[Run, ...]:
    """The runs of these statuses, of a kind and of studies whose place has ``study`` in it; the newest first.

    Raises:
        RunError: there is no such status.
    """
    if unknown := [name for name in status if name not in STATUSES]:
        raise RunError(f"there is no status {unknown[0]!r}; use {', '.join(STATUSES)}")
    return tuple(
        run
        for run in store.list(kind=kind)
        if (not status or run.status in status) and (study is None or study in run.spec.study)
    )


def files(store: Store, run: Run) -> dict[str, int]:
    """Files that a run has in the store, by path, to their bytes: artifacts, checkpoints and its log."""
    return _sizes(store, (run.id,), store.shelf.files(run.id))


def end_of_log(store: Store, run: Run, lines: int) -> str:
    """The last lines that the worker of a run wrote; nothing where it wrote none."""
    path = store.log_path(run.id)
    if not path.is_file():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - _LOG_BYTES))
        text = log.read().decode("utf-8", "replace")
    return "\n".join(text.splitlines()[-lines:])


def delete(store: Store, runs: Sequence[Run]) -> None:
    """Delete runs that have ended, or none if one of them has not.

    Raises:
        RunError: something will still happen to one.
    """
    for run in runs:
        if run.live:
            raise RunError(f"Run {run.id} is {run.status}; cancel it before deleting it.")
    for run in runs:
        store.delete(run.id)


@dataclass(frozen=True)
class Disk:
    """What runs take on the disk, in bytes.

    Attributes:
        of: each run that takes any, deleted ones included, what several share counted in each.
        total: all together, what several share counted once.
    """

    of: Mapping[str, int]
    total: int


def disk(store: Store) -> Disk:
    """What the runs of a store take, read at once however many there are."""
    kept = store.shelf.files()
    logs = {path.stem for path in (store.home / "logs").glob("*.log")}
    found = {run_id: _sizes(store, (run_id,), kept) for run_id in kept.keys() | logs}
    together = {path: size for sizes in found.values() for path, size in sizes.items()}
    return Disk({run_id: sum(sizes.values()) for run_id, sizes in found.items()}, sum(together.values()))


@dataclass(frozen=True)
class Pruned:
    """What pruning deletes.

    Attributes:
        runs: the newest first.
        bytes: that only they take on the disk.
        litter: files and folders besides that no run needs, as processes that were killed leave them.
    """

    runs: tuple[Run, ...]
    bytes: int
    litter: int = 0


def prune(
    store: Store,
    *,
    older_than: timedelta = timedelta(0),
    status: Collection[str] = ENDED_EARLY,
    keep: int = 0,
    dry_run: bool = False,
) -> Pruned:
    """Delete ended runs that are of no more use, and what no run needs.

    Args:
        older_than: since they ended, or were asked for if they never began.
        status: which ones; those that something will still happen to are left alone whatever it is.
        keep: how many of them, the newest, are left.
        dry_run: only say what would be deleted.
    """
    latest = datetime.now(UTC) - older_than
    ended = [run for run in chosen(store, status=status) if not run.live]
    going = [run for run in ended[keep:] if (run.finished or run.created) <= latest]
    ids = {run.id for run in going}
    kept = store.shelf.files()
    taken = _sizes(store, ids, kept)
    shared = _sizes(store, kept.keys() - ids, kept) if taken else {}
    litter = 0
    if not dry_run:
        delete(store, going)
        litter = store.sweep().total
    return Pruned(tuple(going), sum(size for path, size in taken.items() if path not in shared), litter)


def _sizes(store: Store, ids: Iterable[str], kept: Mapping[str, Collection[str]]) -> dict[str, int]:
    """Files of these runs, by path, to their bytes; ``kept`` is what `Shelf.files` tells."""
    paths = []
    for run_id in ids:
        paths.append(store.log_path(run_id))
        if isinstance(store.artifacts, ArtifactFolder):
            paths += [store.artifacts.path(sha256) for sha256 in kept.get(run_id, ())]
    return {str(path): size for path in paths if (size := _size(path)) is not None}


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
