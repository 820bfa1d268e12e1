"""CONTRIBUTING's recipe for a kind of run, followed in a copy: it computes here and in a worker, and is found again."""

import json
from pathlib import Path

import pytest

from tests import learnable
from tests.recipes.copying import copy, insert, run

pytestmark = [pytest.mark.slow, pytest.mark.soak]

QUESTION = '''"""The question for the share of weights that become zero."""

from pydantic import Field

from explorer.questions.base import Question


class ZerosQuestion(Question):
    """Share of every block's weights that a bit width rounds to zero."""

    kind = "zeros"

    bits: int = Field(4, ge=2, le=8, description="width of the weights")
'''

ALGORITHM = '''"""Share of weights that become zero at a bit width."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from explorer.blocks import quantizable_layers
from explorer.quantizers import WEIGHTS, quantize_weight
from explorer.studies import Study
from explorer.watching import Watcher


@dataclass(frozen=True)
class Zeros:
    """Layer to share of its weights, 0 to 1."""

    study: str
    shares: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Zeros":
        return cls(**content)


def count_zeros(study: Study, bits: int, watcher: Watcher) -> Zeros:
    """Quantize the weights of every layer and count."""
    layers = dict(quantizable_layers(study.model()))
    shares = {}
    for done, (name, module) in enumerate(layers.items()):
        watcher.check_stop()
        watcher.report(done / len(layers), name)
        weight = module.weight.detach()
        shares[name] = (quantize_weight(weight, bits, WEIGHTS) == 0).double().mean().item()
    return Zeros(study.name, shares)
'''

JOB = '''"""The run kind ``zeros``."""

from explorer.plans.zeros import Zeros, count_zeros
from explorer.questions.zeros import ZerosQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study


def run(study: Study, question: ZerosQuestion, context: RunContext) -> Zeros:
    """Count."""
    return count_zeros(study, question.bits, context)
'''

USE = """
import json, sys, time
from explorer import studies
from explorer.jobs import answers, execute, request
from explorer.jobs.requests import spec_of
from explorer.questions.zeros import ZerosQuestion
from explorer.runs import Store

study, store = studies.load_network(sys.argv[1]), Store.open()
execute(store, spec_of(study, ZerosQuestion(bits=2)))
run = request(store, spec_of(study, ZerosQuestion()))
until = time.monotonic() + 240
while store.get(run.id).live and time.monotonic() < until:
    time.sleep(0.1)
coarse, fine = (answers.answer(store, study, question) for question in (ZerosQuestion(bits=2), ZerosQuestion()))
print(json.dumps([coarse.result.shares, fine.run.status, fine.run.error, fine.result.shares]))
"""


@pytest.mark.timeout(600)
def test_a_kind_of_run_by_the_recipe(tmp_path: Path) -> None:
    folder = copy(tmp_path / "copy")
    package = folder / "explorer"
    (package / "questions" / "zeros.py").write_text(QUESTION)
    (package / "plans" / "zeros.py").write_text(ALGORITHM)
    (package / "jobs" / "kinds" / "zeros.py").write_text(JOB)
    registry = package / "jobs" / "registry.py"
    insert(registry, "if TYPE_CHECKING:", "from explorer.questions.zeros import ZerosQuestion\n\n")
    entry = 'Kind(ZerosQuestion, _JOBS + "zeros:run", "explorer.plans.zeros:Zeros"),\n        '
    insert(registry, "Kind(questions.EvaluateQuestion", entry)
    study = str(learnable.write(tmp_path / "learnable").resolve())
    coarse, status, error, fine = json.loads(run(folder, USE, tmp_path / "home", study))
    assert (status, error) == ("done", None)
    assert set(coarse) == set(fine) == {"0", "3", "6", "11"}
    assert all(coarse[name] > fine[name] > 0 for name in coarse), "fewer bits, more zeros"
