"""The recipe of a training in few words."""

from explorer.qat.methods import METHODS
from explorer.questions import FinetuneQuestion


def words(question: FinetuneQuestion) -> str:
    """Method, teacher, noise and stages: ``LSQ + distillation + feature noise, 3 stages``."""
    known = METHODS.get(question.method)
    parts = [question.method if known is None else known.title.split(",")[0]]
    if question.taught:
        parts.append("distillation")
    if question.noise:
        parts.append("feature noise")
    said = " + ".join(parts)
    return said if question.stages == 1 else f"{said}, {question.stages} stages"
