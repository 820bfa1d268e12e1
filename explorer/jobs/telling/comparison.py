"""How several runs differ: the options that are not the same in all, and their numbers, judged against their errors.

Two numbers differ if they are at least two standard errors of their difference apart. The errors are added as if the
runs had looked at different images; where they shared them the true error is smaller, so what is called noise may be
more, and what is called a difference is one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from explorer.estimates import within_noise
from explorer.jobs.telling import headlines, titles
from explorer.jobs.telling.headlines import Number
from explorer.questions.telling.titles import ladder
from explorer.runs.run import Run

_BITS = "bits of "


@dataclass(frozen=True)
class Line:
    """One thing in which runs are compared.

    Attributes:
        name: of the option or number.
        values: as text, one a run; empty where a run has none.
        verdict: of numbers, what the errors allow to be said.
    """

    name: str
    values: tuple[str, ...]
    verdict: str = ""


def asked(run: Run) -> list[Line]:
    """Everything that one run was asked."""
    return [Line(name, (value,)) for name, value in _asked(run).items()]


def settings(runs: Sequence[Run]) -> list[Line]:
    """What the runs were asked, so far as it is not the same of all; a default is written out."""
    told = [_asked(run) for run in runs]
    names = dict.fromkeys(name for each in told for name in each)
    lines = [Line(name, tuple(each.get(name, "") for each in told)) for name in names]
    return _bits_together([line for line in lines if len(set(line.values)) > 1])


def results(runs: Sequence[Run], metric: str = "accuracy") -> list[Line]:
    """The numbers of the runs that are done, but for those that are exactly the same in all.

    Args:
        metric: what their studies count.
    """
    found = [{number.name: number for number in headlines.of(run, metric)} for run in runs]
    names = dict.fromkeys(name for each in found for name in each)
    lines = []
    for name in names:
        numbers = [each.get(name) for each in found]
        known = [number for number in numbers if number is not None]
        if len(known) == len(runs) and len({(number.value, number.stderr) for number in known}) == 1:
            continue
        texts = tuple("" if number is None else number.text for number in numbers)
        lines.append(Line(name, texts, judged(known)))
    return lines


def judged(numbers: Sequence[Number]) -> str:
    """Whether the largest and the smallest differ by more than their errors explain; nothing if errors are missing."""
    if len(numbers) < 2:
        return ""
    low, high = min(numbers, key=lambda n: n.value), max(numbers, key=lambda n: n.value)
    if low.stderr is None or high.stderr is None:
        return ""
    error = math.hypot(low.stderr, high.stderr)
    return "within noise" if within_noise(high.value - low.value, error) else "differ"


def _bits_together(lines: Sequence[Line]) -> list[Line]:
    """Blocks whose bits differ in the same way are one line."""
    blocks: dict[tuple[str, ...], list[str]] = {}
    for line in lines:
        if line.name.startswith(_BITS):
            blocks.setdefault(line.values, []).append(line.name.removeprefix(_BITS))
    rest = [line for line in lines if not line.name.startswith(_BITS)]
    return rest + [Line(_BITS + ", ".join(names), values) for values, names in blocks.items()]


def _asked(run: Run) -> Mapping[str, str]:
    question = titles.question_of(run.spec)
    options: dict[str, Any] = (
        dict(run.spec.parameters) if question is None else question.model_dump(mode="json")
    )
    options.pop("seed", None)
    plan = options.pop("plan", None)
    if isinstance(options.get("plans"), dict):  # a ladder, which would be pages of letters
        options["plans"] = ladder(options["plans"])
    told = {
        "kind": run.spec.kind.replace("_", " "),
        "study": titles.study_name(run.spec.study),
        "version of the study": run.spec.fingerprint[:8],
        **{name.replace("_", " "): _text(value) for name, value in options.items()},
        "seed": str(run.spec.seed),
        "version of the algorithm": str(run.spec.version),
    }
    if isinstance(plan, dict) and isinstance(plan.get("blocks"), dict):
        for block, bits in plan["blocks"].items():
            told[f"{_BITS}{block}"] = f"W{bits.get('w_bits')} A{bits.get('a_bits')}"
        told["step sizes of the plan"] = _text(plan.get("steps"))
    return told


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)
