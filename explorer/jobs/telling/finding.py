"""Finding runs in a long list: words, kinds, studies, statuses and tags that they must have."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from explorer.jobs.telling import titles
from explorer.runs.run import Run

STATUSES: Mapping[str, str] = {
    "queued": "waiting",
    "running": "running",
    "cancelling": "stopping",
    "cancelled": "stopped",
    "done": "done",
    "failed": "failed",
    "lost": "interrupted",
    "unreadable": "unreadable",
}
"""What people call each status."""

SHIPPED = "Shipped with the project"  # how the remark of a run begins that came with it


@dataclass(frozen=True)
class Wanted:
    """What runs must have; nothing given wants nothing.

    Attributes:
        words: each must be in the title, the id, the study, the note, the error, a tag or the name of who asked.
        kinds, studies, statuses, tags: one of each that is given.
    """

    words: str = ""
    kinds: Collection[str] = ()
    studies: Collection[str] = ()
    statuses: Collection[str] = ()
    tags: Collection[str] = ()

    def matches(self, run: Run) -> bool:
        """Whether a run has all of it."""
        return (
            (not self.kinds or run.spec.kind in self.kinds)
            and (not self.studies or titles.study_name(run.spec.study) in self.studies)
            and (not self.statuses or run.status in self.statuses)
            and (not self.tags or bool(set(run.tags) & set(self.tags)))
            and all(word in _said(run) for word in self.words.casefold().split())
        )


def matching(runs: Sequence[Run], wanted: Wanted) -> list[Run]:
    """Those that have what is wanted, in their order."""
    return [run for run in runs if wanted.matches(run)]


def is_shipped(run: Run) -> bool:
    """Whether the run came with the project instead of being computed here."""
    return (run.remark or "").startswith(SHIPPED)


def _said(run: Run) -> str:
    said = (titles.of(run), run.title, run.id, run.spec.study, run.note, run.error, run.owner, *run.tags)
    return "\n".join(filter(None, said)).casefold()
