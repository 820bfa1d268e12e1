"""The command line that asks a question again, quoted for a shell.

>>> from explorer.questions import LandscapeQuestion
>>> command(LandscapeQuestion(block="conv1", dims=1, points=33), "fashion-resnet20")
'python -m explorer landscape --study fashion-resnet20 --block conv1 --dims 1 --points 33'
"""

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from explorer.questions import Question
from explorer.questions.base import Quantizer

PROGRAM = ("python", "-m", "explorer")


def command(question: Question, study: str, plans: Mapping[str, str] | None = None) -> str | None:
    """What is typed to ask a question; None where an option cannot be typed, as tables of one's own cannot.

    Args:
        study: its name or the path of its study.toml.
        plans: by `identity`, the file that holds a plan.
    """
    words = [*PROGRAM, question.kind.replace("_", "-"), "--study", study]
    for name in question.differing():
        spelled = _spelled(name, getattr(question, name), plans or {})
        if spelled is None:
            return None
        words += spelled
    return shlex.join(words)


def identity(plan: Mapping[str, Any]) -> str:
    """A plan's content as one text, its name left out, which plays no part in what it does."""
    return json.dumps({key: value for key, value in plan.items() if key != "name"}, sort_keys=True)


def _spelled(name: str, value: Any, plans: Mapping[str, str]) -> list[str] | None:
    option = f"--{name.replace('_', '-')}"
    if name == "plan":
        file = plans.get(identity(value)) if isinstance(value, dict) else None
        return None if file is None else [option, file]
    if name == "jointly":
        return [] if value else ["--separately"]
    if isinstance(value, Quantizer):
        return ["--step", value.step] if set(value.differing()) <= {"step"} else None
    if name == "method_options":
        return [option, ",".join(_pairs(value))] if value else []
    if isinstance(value, bool):
        return [option if value else f"--no-{option[2:]}"]
    if isinstance(value, tuple) and all(isinstance(each, int | str) for each in value):
        return [option, ",".join(map(str, value))]
    if isinstance(value, int | float | str):
        return [option, str(value)]
    return None


def _pairs(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        yield f"{name}={str(value).lower() if isinstance(value, bool) else value}"
