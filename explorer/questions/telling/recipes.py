"""The recipe of a training in few words."""

from collections.abc import Mapping

from explorer.questions.training import FinetuneQuestion

METHOD_NAMES: Mapping[str, str] = {
    "ste": "straight-through estimator",
    "lsq": "LSQ",
    "pact": "PACT",
    "dorefa": "DoReFa",
    "binaryconnect": "BinaryConnect",
}


def words(question: FinetuneQuestion) -> str:
    """Method, teacher, noise and stages: ``LSQ + distillation + feature noise 0.3, 3 stages``."""
    parts = [METHOD_NAMES.get(question.method, question.method)]
    if question.logits and question.channels:
        parts.append("distillation")
    elif question.taught:
        parts.append(f"distillation of {'outputs' if question.logits else 'channels'}")
    if question.noise:
        parts.append(f"feature noise {question.noise:.3g}")
    said = " + ".join(parts)
    return said if question.stages == 1 else f"{said}, {question.stages} stages"


def epochs(question: FinetuneQuestion) -> str:
    """``3 epochs``, asked for or by the plan's widths."""
    return f"{question.passes:,} epoch{'s' * (question.passes != 1)}"


def said(question: FinetuneQuestion) -> tuple[str, ...]:
    """Names of the options that the words and the epochs stand for."""
    absent = [name for name in ("logits", "channels") if not getattr(question, name)]
    return ("method", "epochs", "noise", "stages", *absent)
