"""One question, one run: however a question is asked, the spec is the same, and so is the run that answers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from explorer import jobs, studies
from explorer.cli import main
from explorer.jobs import registry
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.questions import Ladder, Question
from explorer.runs import Run, RunSpec
from explorer.studies import Study
from tests import learnable


@dataclass(frozen=True)
class Case:
    """One question as words of the command line and as options of its class."""

    words: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


SEED = ("--seed", "3")
QUANTIZED = ("--w-bits", "3", "--a-bits", "8", "--calibration", "64", "--leave", "3,0")
FORMED = (*QUANTIZED, "--form", "paper", "--bias-correction", "mean")
QUANTIZED_SO = {"w_bits": 3, "a_bits": 8, "calibration": 64, "leave": ["0", "3"]}
FORMED_SO = {**QUANTIZED_SO, "form": "paper", "bias_correction": "mean"}
# By kind: as it comes, and with everything changed that the command line can change.
CASES: Mapping[str, tuple[Case, Case]] = {
    "traces": (
        Case(),
        Case(
            ("--of", "activations", "--method", "hutchinson", "--granularity", "module", "--samples", "64",
             "--rel-se", "0.1", "--probes", "gaussian", "--separately"),
            {"of": "activations", "method": "hutchinson", "granularity": "module", "samples": 64, "rel_se": 0.1,
             "probes": "gaussian", "jointly": False},
        ),
    ),
    "eigenvalues": (
        Case(),
        Case(
            ("--k", "3", "--which", "magnitude", "--method", "power", "--granularity", "module", "--samples", "32",
             "--tol", "0.01", "--max-products", "50", "--no-whole"),
            {"k": 3, "which": "magnitude", "method": "power", "granularity": "module", "samples": 32, "tol": 0.01,
             "max_products": 50, "whole": False},
        ),
    ),
    "spectrum": (
        Case(),
        Case(
            ("--block", "3", "--steps", "8", "--probes", "3", "--granularity", "module", "--samples", "32",
             "--blur", "0.05", "--method", "lanczos"),
            {"block": "3", "steps": 8, "probes": 3, "granularity": "module", "samples": 32, "blur": 0.05,
             "method": "lanczos"},
        ),
    ),
    "landscape": (
        Case(),
        Case(
            ("--block", "3", "--directions", "quantization", "--dims", "1", "--points", "9", "--radius", "0.5",
             "--samples", "32", "--bits", "3"),
            {"block": "3", "directions": "quantization", "dims": 1, "points": 9, "radius": 0.5, "samples": 32,
             "bits": [3]},
        ),
    ),
    "damage": (
        Case(),
        Case(
            ("--measure", "product", "--bits", "4,2", "--granularity", "module", "--samples", "32", "--rel-se", "0.1",
             "--step", "min-max"),
            {"measure": "product", "bits": [2, 4], "granularity": "module", "samples": 32, "rel_se": 0.1,
             "quantizer": {"step": "min-max"}},
        ),
    ),
    "proxy": (
        Case(),
        Case(
            ("--plans", "12", "--samples", "30", "--split", "train", "--bits", "2,8", "--a-bits", "4",
             "--granularity", "module", "--step", "min-max", "--damage-samples", "20", "--eigen-samples", "20"),
            {"plans": 12, "samples": 30, "split": "train", "bits": [2, 8], "a_bits": 4, "granularity": "module",
             "quantizer": {"step": "min-max"}, "damage_samples": 20, "eigen_samples": 20},
        ),
    ),
    "measure_frontier": (
        Case(("--frontier", "frontier.json"), {"plans": True}),
        Case(
            ("--frontier", "frontier.json", "--points", "5", "--samples", "30", "--split", "train"),
            {"plans": True, "points": 5, "samples": 30, "split": "train"},
        ),
    ),
    "choose": (
        Case(),
        Case(
            ("--max-drop", "2.5%", "--bits", "8,2", "--a-bits", "4,8", "--damage", "trace", "--granularity", "module",
             "--samples", "30", "--refine", "--steps", "lapq", "--axis", "bops", "--limit", "size=300"),
            {"max_drop": 0.025, "granularity": "module", "samples": 30, "refine": True, "steps": "lapq",
             "frontier": {"bits": [2, 8], "a_menu": [4, 8], "damage": "trace", "cost": "bops",
                          "limits": {"size": 300}}},
        ),
    ),
    "lapq": (
        Case(),
        Case(
            (*FORMED, "--method", "gradient"),
            {**FORMED_SO, "method": "gradient"},
        ),
    ),
    "lapq_table": (
        Case(),
        Case(
            (*QUANTIZED, "--test-images", "30", "--corrections", "none, mean-variance", "--method", "powell"),
            {**QUANTIZED_SO, "test_images": 30, "corrections": ["none", "mean-variance"], "method": "powell"},
        ),
    ),
    "lapq_surface": (
        Case(("--first", "3.weight", "--second", "6.weight"), {"first": "3.weight", "second": "6.weight"}),
        Case(
            ("--first", "3.input", "--second", "6.input", "--points", "9", "--others", "quantized", *FORMED),
            {"first": "3.input", "second": "6.input", "points": 9, "others": "quantized", **FORMED_SO},
        ),
    ),
    "lapq_sweep": (
        Case(("--sweep", "p"), {"sweep": "p"}),
        Case(
            ("--sweep", "calibration", "--site", "3.weight", "--steps", "steps.json", "--sizes", "16,32", "--seeds",
             "0", "--method", "powell", *FORMED),
            {"sweep": "calibration", "site": "3.weight", "steps": {"3.weight": 0.5}, "sizes": [16, 32],
             "seeds": [0], "method": "powell", **FORMED_SO},
        ),
    ),
    "lapq_hessian": (
        Case(),
        Case(
            ("--how", "finite-differences", "--no-separability", "--steps", "steps.json", *FORMED),
            {"how": "finite-differences", "separability": False, "steps": {"3.weight": 0.5}, **FORMED_SO},
        ),
    ),
    "evaluate": (
        Case(("--plan", "plan.json"), {"plan": True}),
        Case(
            ("--plan", "plan.json", "--split", "train", "--deployed"),
            {"plan": True, "split": "train", "deployed": True},
        ),
    ),
    "finetune": (
        Case(("--plan", "plan.json"), {"plan": True}),
        Case(
            ("--plan", "plan.json", "--method", "ste", "--epochs", "2", "--batch-size", "32",
             "--optimizer", "adamw", "--learning-rate", "0.1", "--method-options", "steps=fixed,dampening=0.5",
             "--momentum", "0.8", "--weight-decay", "0", "--schedule", "step", "--warmup", "1",
             "--augmentation", "none",
             "--logits", "0.5", "--temperature", "4", "--channels", "0", "--noise", "0.3", "--noise-place", "before",
             "--batch-norm", "trained", "--stages", "2", "--stage-order", "ascending", "--keep", "last",
             "--trace-images", "128"),
            {"plan": True, "method": "ste", "epochs": 2, "batch_size": 32, "optimizer": "adamw", "learning_rate": 0.1,
             "method_options": {"steps": "fixed", "dampening": 0.5}, "momentum": 0.8, "weight_decay": 0.0,
             "schedule": "step", "warmup": 1.0, "augmentation": "none", "logits": 0.5, "temperature": 4.0,
             "channels": 0.0, "noise": 0.3, "noise_place": "before", "batch_norm": "trained", "stages": 2,
             "stage_order": "ascending", "keep": "last", "trace_images": 128},
        ),
    ),
}  # fmt: skip
STEPS = {"steps": {"3.weight": 0.5}}  # of any tensors: the run refuses what does not fit


class Caught(Exception):
    """The spec was asked for; nothing is computed."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("one-question") / "learnable"
    learnable.write(path)
    return path


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    return studies.load_network(folder)


@pytest.fixture
def typed(
    folder: Path, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., RunSpec]:
    """The spec that words of the command line ask for."""
    caught: list[RunSpec] = []

    def execute(store: object, spec: RunSpec, *_: object, **options: Any) -> Run:
        assert options["study"].fingerprint == spec.fingerprint, "the loaded study is handed on"
        caught.append(spec)
        raise Caught

    monkeypatch.setattr(jobs, "execute", execute)
    monkeypatch.chdir(tmp_path)
    Path("steps.json").write_text(json.dumps(STEPS), encoding="utf-8")
    Path("plan.json").write_text(json.dumps(plan(study)), encoding="utf-8")
    Path("frontier.json").write_text(json.dumps(printed(study)), encoding="utf-8")

    def ask(kind: str, *words: str) -> RunSpec:
        with pytest.raises(Caught):
            main([kind.replace("_", "-"), "--study", str(folder), *words])
        return caught.pop()

    return ask


def plan(study: Study) -> dict[str, Any]:
    return Plan.uniform(study, study.blocks(), 4, 8).to_json()


def printed(study: Study) -> dict[str, Any]:
    """A frontier of two plans, as the command prints it, dearest first."""
    points = [
        {"cost": bits, "omega": 1 / bits, "bits": {block.name: bits for block in study.blocks()}}
        for bits in (8, 2)
    ]
    return {"points": points, "activations": 8, "unit": "bytes", "chosen": None}


def asked(kind: str, case: Case, study: Study, **more: Any) -> Question:
    options = {**case.options, **more}
    if "plan" in options:
        options["plan"] = plan(study)
    if "plans" in options and kind == "measure_frontier":
        names = [block.name for block in study.blocks()]
        options["plans"] = Ladder.of(names, [[2] * len(names), [8] * len(names)], [[8] * len(names)] * 2)
    return registry.kind(kind).question(**options)


# The commands export and benchmark-exported write and time files of a person's own, and record no run; a lesson's long
# experiment is asked for by its page and its notebook.
COMMANDS = [kind for kind in registry.names() if not kind.startswith(("export", "lesson"))]
PLAN_INSTEAD = [kind for kind in registry.names() if kind.startswith("lapq")]


@pytest.mark.parametrize("kind", COMMANDS)
def test_the_command_line_asks_what_python_asks(
    kind: str, study: Study, typed: Callable[..., RunSpec]
) -> None:
    """A run computed by a command is found by page and notebook, with usual options and with others."""
    usual, changed = CASES[kind]
    assert typed(kind, *usual.words) == spec_of(study, asked(kind, usual, study))
    question = asked(kind, changed, study, seed=3)
    assert typed(kind, *changed.words, *SEED) == spec_of(study, question)


@pytest.mark.parametrize("kind", PLAN_INSTEAD)
def test_a_plan_is_typed_in_place_of_widths(kind: str, study: Study, typed: Callable[..., RunSpec]) -> None:
    """A plan and one width for all exclude each other, so no case has both."""
    usual = CASES[kind][0]
    with_plan = Case((*usual.words, "--plan", "plan.json"), {**usual.options, "plan": True})
    assert typed(kind, *with_plan.words) == spec_of(study, asked(kind, with_plan, study))


@pytest.mark.parametrize("kind", COMMANDS)
def test_every_field_can_be_typed(kind: str, study: Study) -> None:
    """The changed case changes every field, so that no option of a question is out of the command line's reach."""
    fields = set(registry.kind(kind).question.model_fields) - {"seed"}
    if kind in PLAN_INSTEAD:
        fields -= {"plan"}
    assert set(CASES[kind][1].options) == fields
