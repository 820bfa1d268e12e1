"""The shelf: what people do to the runs in a list: name and describe them, and delete them so that it can be undone.

A deleted run is in no list and answers no question, but everything of it is still there. It is removed when its
question is asked again, when it was deleted a week ago, or when somebody says so.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from explorer.errors import RunError
from explorer.runs import rows
from explorer.runs.database import Database
from explorer.runs.holding.watch import Watch
from explorer.runs.plain import encode
from explorer.runs.schema import artifacts, runs

if TYPE_CHECKING:
    from explorer.runs.run import Run

KEPT = 7 * 86_400.0  # seconds that a deleted run can be restored
LONGEST_NAME = 120  # characters
LONGEST_NOTE = 4_000
LONGEST_TAG = 40
MOST_TAGS = 20
THERE = runs.c.deleted.is_(None)


class Shelf:
    """The shelf of one store; see the module."""

    def __init__(self, database: Database, watch: Watch) -> None:
        self._database = database
        self._watch = watch

    def describe(self, run_id: str, *, name: str, note: str, tags: Iterable[str]) -> None:
        """Set what is said of a run; an empty name brings back the title it has by itself.

        Raises:
            RunError: a text is too long, or there is no such run.
        """
        tidy = list(dict.fromkeys(word for tag in tags if (word := " ".join(tag.split()))))
        _limit("name", name, LONGEST_NAME)
        _limit("note", note, LONGEST_NOTE)
        for tag in tidy:
            _limit("tag", tag, LONGEST_TAG)
        if len(tidy) > MOST_TAGS:
            raise RunError(f"a run has at most {MOST_TAGS} tags; {len(tidy)} were given")
        said = {
            "name": " ".join(name.split()) or None,
            "note": note.strip() or None,
            "tags": encode(tidy, "tags") if tidy else None,
        }
        with self._database.writing() as connection:
            if not connection.execute(update(runs).where(runs.c.id == run_id).values(said)).rowcount:
                raise rows.no_run(run_id)

    def tag(self, run_ids: Collection[str], tag: str) -> None:
        """Add a tag to runs, beside those that they have.

        Raises:
            RunError: it is too long, a run has too many then, or there is no such run.
        """
        _limit("tag", tag, LONGEST_TAG)
        with self._database.writing() as connection:
            for run_id in run_ids:
                row = rows.row_of(connection, run_id, lock=True)
                tags = list(rows.from_row(row, {}, self._watch, lambda: None).tags)
                if tag in tags:
                    continue
                if len(tags) == MOST_TAGS:
                    raise RunError(f"run {run_id} has {MOST_TAGS} tags, the most a run can have; remove one")
                said = {"tags": encode([*tags, tag], "tags")}
                connection.execute(update(runs).where(runs.c.id == run_id).values(said))

    def put_away(self, run_ids: Collection[str]) -> None:
        """Delete runs that have ended, so that it can be undone; all of them or, if one has not ended, none.

        Raises:
            RunError: something will still happen to one.
        """
        with self._database.writing() as connection:
            for run_id in run_ids:
                row = rows.row_of(connection, run_id, lock=True)
                if rows.from_row(row, {}, self._watch, lambda: None).live:
                    raise RunError(f"Run {run_id} is {row.status}; stop it before deleting it.")
            connection.execute(update(runs).where(runs.c.id.in_(run_ids)).values(deleted=time.time()))

    def restore(self, run_ids: Collection[str]) -> None:
        """Bring deleted runs back; those that are gone for good are left out."""
        with self._database.writing() as connection:
            connection.execute(update(runs).where(runs.c.id.in_(run_ids)).values(deleted=None))

    def deleted(self) -> "tuple[Run, ...]":
        """The runs that can be restored, the last deleted first."""
        query = select(*rows.LIGHT).where(~THERE).order_by(runs.c.deleted.desc(), runs.c.id)
        with self._database.reading() as connection:
            found = connection.execute(query).all()
        return tuple(rows.from_row(row, {}, self._watch, partial(_no_result, row.id)) for row in found)

    def overdue(self, identity: str | None = None) -> tuple[str, ...]:
        """Ids of deleted runs whose time has come: it was a week ago, or this question is asked again."""
        old = runs.c.deleted < time.time() - KEPT
        with self._database.reading() as connection:
            chosen = select(runs.c.id).where(~THERE, old if identity is None else runs.c.identity == identity)
            return tuple(connection.scalars(chosen))

    def files(self, run_id: str | None = None) -> dict[str, set[str]]:
        """SHA-256 of every file that each run, or one of them, keeps: checkpoints and deleted runs included."""
        query = select(artifacts.c.run_id, artifacts.c.sha256)
        found: defaultdict[str, set[str]] = defaultdict(set)
        with self._database.reading() as connection:
            for row in connection.execute(
                query if run_id is None else query.where(artifacts.c.run_id == run_id)
            ):
                found[row.run_id].add(row.sha256)
        return dict(found)


def _no_result(run_id: str) -> None:
    raise RunError(f"Run {run_id} is deleted; restore it to see its result.")


def _limit(what: str, text: str, most: int) -> None:
    if len(text) > most:
        raise RunError(f"a {what} has at most {most:,} characters; this one has {len(text):,}, so shorten it")
