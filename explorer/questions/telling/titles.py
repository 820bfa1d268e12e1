"""Titles of runs: what is computed, on which study, and the settings that differ from the usual ones."""

from collections.abc import Mapping
from typing import Any

from explorer.questions.base import Question
from explorer.questions.telling import recipes
from explorer.questions.training import FinetuneQuestion

NOUNS: Mapping[str, str] = {
    "traces": "Hessian traces",
    "eigenvalues": "Eigenvalues",
    "spectrum": "Spectral density",
    "landscape": "Loss landscape",
    "damage": "Measured damage",
    "choose": "Chosen plan",
    "proxy": "Prediction against loss",
    "measure_frontier": "Measured frontier",
    "evaluate": "Evaluation",
    "finetune": "Training",
    "export": "Export",
    "export_latency": "Latency of an export",
    "lapq": "Step sizes",
    "lapq_surface": "Two-step surface",
    "lapq_sweep": "Sweep of step sizes",
    "lapq_hessian": "Interactions of steps",
    "lapq_table": "Comparison of step sizes",
    "lesson": "Experiment of a lesson",
}
_WORDS: Mapping[str, str] = {
    "rel_se": "target error",
    "dims": "dimensions",
    "w_bits": "weight bits",
    "a_bits": "activation bits",
    "max_drop": "largest drop",
    "frontier": "",
    "eigen_samples": "samples for eigenvalues",
    "damage_samples": "samples for damage",
    "of": "",
    "plans": "of",
    "block": "",
    "measure": "",
    "method": "",
    "method_options": "",
    "logits": "distillation of outputs",
    "channels": "distillation of channels",
    "noise": "feature noise",
    "noise_place": "noise",
    "keep": "kept",
    "trace_images": "samples of the trace",
    "directions": "",
    "experiment": "",
    "settings": "",
    "sweep": "",
    "radius": "range",
    "format": "",
    "flavour": "",
    "carrier": "weights",
    "export": "of",
    "run": "of training",
}


def title(question: Question, study: str | None) -> str:
    """What is computed · the study · settings, such as ``Hessian traces · fashion-resnet20 · activations``.

    Args:
        study: its name; None where all are of one study, which is not named then.
    """
    noun = NOUNS.get(question.kind, question.kind.replace("_", " "))
    return " · ".join([noun, *([] if study is None else [study]), *settings(question)])


def settings(question: Question) -> list[str]:
    """Those options in words that differ from their defaults, a seed other than 0 at the end.

    Of a training first its widths, its recipe and its epochs, usual or not: what tells it from others.
    """
    differing = question.differing()
    said = []
    if isinstance(question, FinetuneQuestion):
        for name in ("plan", *recipes.said(question)):
            differing.pop(name, None)
        said = [*filter(None, [widths(question.plan)]), recipes.words(question), recipes.epochs(question)]
    if "seed" in differing:
        differing["seed"] = differing.pop("seed")
    for name, value in differing.items():
        words = _WORDS.get(name, name.replace("_", " "))
        said.append(f"{words} {_value(name, value)}".strip())
    return said


def _value(name: str, value: Any) -> str:
    if name == "plan" and isinstance(value, dict):
        return widths(value)
    if name == "plans" and isinstance(value, dict):
        return ladder(value)
    if isinstance(value, dict):
        return (
            ", ".join(f"{key} {_value(key, each)}" for key, each in value.items())
            if name != "steps"
            else "given"
        )
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    return "none" if value is None else str(value)


def widths(content: Mapping[str, Any]) -> str:
    """A plan's widths: ``W2 to W8, A8``; its name is no part of a question. Nothing where it has none."""
    blocks = content.get("blocks")
    if not isinstance(blocks, dict):
        return ""
    widths = []
    for letter, key in (("W", "w_bits"), ("A", "a_bits")):
        found = sorted({int(bits[key]) for bits in blocks.values() if isinstance(bits, dict) and key in bits})
        if found:
            ends = f"{letter}{found[0]}"
            widths.append(ends if len(found) == 1 else f"{ends} to {letter}{found[-1]}")
    return ", ".join(widths)


def ladder(content: Mapping[str, Any]) -> str:
    """How many plans there are, and their widths: ``129 plans, W2 to W8, A8``; their number alone elsewhere."""
    said = [f"{len(content.get('weights', ()))} plans"]
    for letter, key in (("W", "weights"), ("A", "inputs")):
        found = sorted({int(each, 36) for row in content.get(key, ()) for each in row})
        if found:
            ends = f"{letter}{found[0]}"
            said.append(ends if len(found) == 1 else f"{ends} to {letter}{found[-1]}")
    return ", ".join(said)
