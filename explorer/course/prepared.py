"""Results that ship with the built-in studies, for experiments that draw what takes minutes to compute.

They are the runs of `explorer.jobs.shipped`, computed by this project's own command and read from the bundle beside
the network: a lesson says so wherever it shows one.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from safetensors.torch import load
from torch import Tensor

from explorer.errors import LessonError
from explorer.jobs import registry, shipped
from explorer.jobs.requests import spec_of
from explorer.lessons.common import material
from explorer.questions import Question
from explorer.runs.keeping import bundles
from explorer.runs.spec import RunSpec


def result(name: str, question: Question) -> Any:
    """The typed result of a question to a built-in study.

    Raises:
        LessonError: none ships for the network as it is now.
    """
    found = _run(name, question)["result"]
    return registry.result(question.kind, json.loads(found) if isinstance(found, str) else found)


def tensors(name: str, question: Question, artifact: str) -> dict[str, Tensor]:
    """Tensors that the run of a question kept under a name.

    Raises:
        LessonError: as `result`.
        RunError: the installation is damaged.
    """
    sha256 = _run(name, question)["artifacts"][artifact]
    found: dict[str, Tensor] = load(bundles.kept_file(shipped.bundle(name), sha256))
    return found


def _run(name: str, question: Question) -> Mapping[str, Any]:
    identity = spec_of(material.study(name), question).identity
    if identity not in _bundle(name):
        raise LessonError(f"no {question.kind} of {name} as it is now ship with it; compute them in the app")
    return _bundle(name)[identity]


@cache
def _bundle(name: str) -> dict[str, Mapping[str, Any]]:
    return {RunSpec(**run["spec"]).identity: run for run in bundles.read(shipped.bundle(name))}
