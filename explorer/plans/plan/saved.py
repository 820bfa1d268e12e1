"""Saved plans: plan.json files under names a person gave, in the explorer's home, one folder a study."""

import re
from collections.abc import Sequence
from pathlib import Path

from explorer import places
from explorer.blocks import Block
from explorer.errors import PlanError
from explorer.plans.plan.plan import Plan
from explorer.plans.plan.reading import read_plan, write_plan
from explorer.studies import AnyStudy

_NAME = re.compile(r"[\w][\w .+-]{0,59}")


def save_plan(plan: Plan, name: str) -> Plan:
    """The plan, saved under a name; an earlier one of that name is replaced.

    Raises:
        PlanError: the name cannot be a file's name.
    """
    if not _NAME.fullmatch(name):
        raise PlanError(
            f"a plan cannot be called {name!r}; use letters, digits, spaces, dots and dashes, 60 at most"
        )
    named = plan.named(name)
    folder = _folder(plan.weights_sha256)
    folder.mkdir(parents=True, exist_ok=True)
    write_plan(named, folder / f"{name}.json")
    return named


def saved_plans(study: AnyStudy, blocks: Sequence[Block]) -> list[Plan]:
    """Saved plans of a study that are for these blocks, by name."""
    found = []
    for path in sorted(_folder(study.weights_sha256).glob("*.json")):
        try:
            found.append(read_plan(path, study=study, partitions=(tuple(blocks),))[0])
        except PlanError:
            continue  # of the other partition: it is offered there
    return found


def _folder(weights_sha256: str) -> Path:
    return places.home() / "plans" / weights_sha256[:16]
