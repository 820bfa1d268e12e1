"""A training in a line: ``LSQ + distillation, 5 epochs, about 4 min``."""

from explorer.questions import FinetuneQuestion
from explorer.questions.telling import recipes
from explorer.ui.shell.plain import capital


def recipe(question: FinetuneQuestion) -> str:
    """Method, teacher and epochs."""
    return f"{capital(recipes.words(question))}, {recipes.epochs(question)}"


def about(seconds: float) -> str:
    """A time that is not known exactly: ``about 4 min``."""
    if seconds < 90:
        return f"about {max(1, round(seconds)):d} s"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.1f} h"
