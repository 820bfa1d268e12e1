"""What a sweep asks: one training for every plan, recipe and seed.

A recipe is a method, with everything else as it is asked for all, or where no method has the name a preset, which is a
recipe as a paper published it: ``lsq,fpq`` is LSQ beside LSQ with feature noise and distillation as in FPQ.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from explorer.errors import RunError
from explorer.qat.methods import METHODS
from explorer.questions import FinetuneQuestion
from explorer.questions.presets import PRESETS

MOST_TRAININGS = 500


class Place(NamedTuple):
    """One training in a sweep: its plan and recipe by name, and its seed."""

    plan: str
    recipe: str
    seed: int


def recipes() -> tuple[str, ...]:
    """Every name of a recipe: methods, then presets that no method is called like."""
    return (*METHODS, *(name for name in PRESETS if name not in METHODS))


def options_of(recipe: str, usual: FinetuneQuestion) -> dict[str, Any]:
    """The options that a recipe sets; another method than the usual one takes of its options those that it has too.

    Raises:
        RunError: there is no such recipe.
    """
    if recipe in METHODS:
        known = METHODS[recipe].Options.model_fields
        taken = {
            name: value
            for name, value in usual.method_options.items()
            if name in known
            or recipe == usual.method  # what even that one does not have is refused when it trains
        }
        return {"method": recipe, "method_options": taken}
    if recipe not in PRESETS:
        raise RunError(f"the training method {recipe!r} is not available; use {' or '.join(recipes())}")
    return {"method_options": {}, **PRESETS[recipe]}


def questions(
    usual: FinetuneQuestion,
    plans: Mapping[str, Mapping[str, Any]],
    named: Sequence[str],
    seeds: Sequence[int],
) -> dict[Place, FinetuneQuestion]:
    """The question of every training, plan by plan, recipe by recipe, seed by seed.

    Args:
        usual: everything that no plan, recipe or seed says.
        plans: name to plan.json's content.
        named: the recipes.

    Raises:
        RunError: a recipe is unknown, nothing is asked for, or too much.
    """
    count = len(plans) * len(set(named)) * len(set(seeds))
    if not count:
        raise RunError("a sweep takes at least one plan, one method and one seed")
    if count > MOST_TRAININGS:
        raise RunError(f"a sweep has at most {MOST_TRAININGS} trainings; this one has {count:,}")
    return {
        Place(plan, recipe, seed): usual.but(**options_of(recipe, usual), plan=content, seed=seed)
        for plan, content in plans.items()
        for recipe in dict.fromkeys(named)
        for seed in dict.fromkeys(seeds)
    }
