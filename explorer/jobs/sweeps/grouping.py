"""Trainings of one sweep as a group: a tag that they carry, and how far they are as a whole.

The tag follows from what was asked, so that the same sweep asked again is the same group. Each training is a run of its
own: it waits in the queue, can be stopped and resumed, and serves every other sweep that asks for it.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from explorer.jobs.sweeps.asking import Place
from explorer.jobs.telling import titles
from explorer.questions import FinetuneQuestion
from explorer.questions.telling import recipes
from explorer.questions.telling.titles import widths
from explorer.runs.run import Run, Status
from explorer.runs.spec import RunSpec
from explorer.runs.store import Store

_TAG = re.compile(r"sweep [0-9a-f]{8}")
_WAITING: tuple[Status, ...] = ("queued",)
_STOPPED: tuple[Status, ...] = ("cancelled", "failed", "lost")


@dataclass(frozen=True)
class Group:
    """The runs of a sweep at one moment.

    Attributes:
        tag: that all carry.
        runs: in the order in which they were asked for.
    """

    tag: str
    runs: tuple[Run, ...]

    @property
    def fraction(self) -> float:
        """Share of the whole that is done, in [0, 1]; every training weighs the same."""
        return sum(1.0 if run.status == "done" else run.fraction for run in self.runs) / len(self.runs)

    @property
    def live(self) -> tuple[Run, ...]:
        """Those that wait or work."""
        return tuple(run for run in self.runs if run.live)

    @property
    def stopped(self) -> tuple[Run, ...]:
        """Those that can be resumed."""
        return tuple(run for run in self.runs if run.resumable)

    def words(self) -> str:
        """``3 of 8 done, 1 running, 4 waiting``."""
        counted = Counter(run.status for run in self.runs)
        said = [f"{counted['done']} of {len(self.runs)} done"]
        for words, statuses in (
            ("running", ("running", "cancelling")),
            ("waiting", _WAITING),
            ("stopped", _STOPPED),
            ("unreadable", ("unreadable",)),
        ):
            if count := sum(counted[status] for status in statuses):
                said.append(f"{count} {words}")
        return ", ".join(said)

    def title(self) -> str:
        """Study and how much of what: ``Sweep · fashion-thin · 2 plans, 2 recipes, 3 seeds``."""
        places = self.places()
        counts = [len({place[at] for place in places}) for at in range(3)]
        said = [
            f"{count} {word}{'s' * (count != 1)}"
            for count, word in zip(counts, ("plan", "recipe", "seed"), strict=True)
        ]
        return f"Sweep · {titles.study_name(self.runs[0].spec.study)} · {', '.join(said)}"

    def places(self) -> dict[Place, Run]:
        """Every run by what is its own: widths of its plan, what else differs, and seed.

        Plans of the same widths are told apart by a number, in the order in which they come.
        """
        asked = {run.id: titles.question_of(run.spec) for run in self.runs}
        known = [(run, found) for run in self.runs if isinstance(found := asked[run.id], FinetuneQuestion)]
        plans = _named([(widths(each.plan), _key(each.plan)) for _, each in known])
        how = _named([(recipes.words(each), _key(_rest(each))) for _, each in known])
        return {
            Place(plan, recipe, each.seed): run
            for (run, each), plan, recipe in zip(known, plans, how, strict=True)
        }


def tag_of(specs: Iterable[RunSpec]) -> str:
    """Tag of the sweep that consists of these runs, whatever their order."""
    text = "\n".join(sorted(spec.identity for spec in specs))
    return f"sweep {hashlib.sha256(text.encode()).hexdigest()[:8]}"


def gather(store: Store, runs: Sequence[Run]) -> str:
    """Make runs one group; its tag."""
    tag = tag_of(run.spec for run in runs)
    store.shelf.tag([run.id for run in runs], tag)
    return tag


def groups(runs: Sequence[Run]) -> list[Group]:
    """Every sweep among runs, the newest first.

    Args:
        runs: newest first, as the store lists them.
    """
    found: dict[str, list[Run]] = {}
    for run in runs:
        if run.spec.kind == FinetuneQuestion.kind and run.status != "unreadable":
            for tag in run.tags:
                if _TAG.fullmatch(tag):
                    found.setdefault(tag, []).append(run)
    return [Group(tag, tuple(reversed(members))) for tag, members in found.items()]


def _rest(question: FinetuneQuestion) -> Mapping[str, object]:
    return {name: value for name, value in question.options().items() if name not in ("plan", "seed")}


def _key(content: object) -> str:
    return repr(content)


def _named(words_and_keys: Sequence[tuple[str, str]]) -> list[str]:
    """Words, with a number where one stands for several keys."""
    keys: dict[str, dict[str, None]] = {}
    for words, key in words_and_keys:
        keys.setdefault(words, {})[key] = None
    numbers = {words: list(each) for words, each in keys.items()}
    return [
        words if len(numbers[words]) == 1 else f"{words} ({numbers[words].index(key) + 1})"
        for words, key in words_and_keys
    ]
