"""A report from a study and its runs: gathered, written section by section, as one HTML file and as a PDF."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from explorer import files
from explorer.blocks import Block
from explorer.errors import RunError
from explorer.plans import Plan
from explorer.reports import page
from explorer.reports.material import Absent, Material, gather
from explorer.reports.page import Page, Section
from explorer.reports.sections import (
    about,
    choice,
    exports,
    landscapes,
    outcomes,
    reproducing,
    sensitivity,
    short,
    steps,
    training,
)
from explorer.runs import Store
from explorer.runs.provenance import here
from explorer.studies import AnyStudy

SECTIONS: tuple[Callable[[Material], Section | Absent], ...] = (
    short.section,
    about.section,
    sensitivity.section,
    choice.section,
    steps.section,
    landscapes.section,
    training.section,
    outcomes.section,
    exports.section,
)


def report(
    study: AnyStudy,
    store: Store,
    *,
    plans: Sequence[tuple[Plan, tuple[Block, ...]]] = (),
    runs: Sequence[str] = (),
    exported: Sequence[Path] = (),
    now: datetime | None = None,
) -> str:
    """A report as one HTML file that needs nothing else: neither this program nor a network.

    Args:
        plans: that it is about, with their blocks; several make it a comparison, none is of the study alone.
        runs: ids of finished runs that it is about, or their beginnings; their plans are among the plans.
        exported: folders that ``export`` wrote.
        now: when it says that it was made.

    Raises:
        RunError: a run is not there, not done, or of another study.
        ExportError: a folder holds no export of this study.
        PlanError: no plan keeps the limits of the frontier.
    """
    of = gather(study, store, plans=plans, runs=runs, exported=exported)
    return page.html(composed(of, now or datetime.now(UTC)))


def composed(of: Material, now: datetime) -> Page:
    """The sections of a report, those at the end made from the others."""
    found = [write(of) for write in SECTIONS]
    sections = [each for each in found if isinstance(each, Section)]
    used = [run for section in sections for run in section.runs]
    absent = [each for each in found if isinstance(each, Absent)]
    ending = [reproducing.left_out(absent), reproducing.section(of, used)]
    version = here().version
    by = "mixed-precision-explorer" + (f" {version}" if version else "")
    return Page(
        title=_title(of),
        subtitle=_subtitle(of),
        made=f"Written {now:%d %B %Y, %H:%M} UTC by {by}. This file stands alone: its figures need no network.",
        sections=(*sections, *(each for each in ending if each is not None)),
    )


def write(path: Path, text: str) -> None:
    """Write a report, whole or not at all.

    Raises:
        RunError: it cannot be written there.
    """
    try:
        files.write(path, text.encode())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a name cannot hold a NUL"
        raise RunError(f"the report cannot be written to {path} ({reason}); name another place") from error


def _title(of: Material) -> str:
    if of.comparison:
        return f"{len(of.plans)} plans for {of.study.name} compared"
    return f"A quantization plan for {of.study.name}" if of.plans else f"The study {of.study.name}"


def _subtitle(of: Material) -> str:
    if of.plan is None:
        return f"{of.study.card.title}: what was found out about it so far."
    names = [plan.name for plan, _ in of.plans if plan.name]
    return f"{of.study.card.title}" + (f": {', '.join(names)}" if names else "")
