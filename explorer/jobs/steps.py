"""Answers about step sizes: the searches there are, the best of them, and what was measured at other bits."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, get_args

from explorer.jobs import answers
from explorer.jobs.answers import Answer
from explorer.jobs.requests import Known
from explorer.questions import LapqQuestion, StepsLoss
from explorer.questions.steps import JointMethod
from explorer.runs.store import Store

if TYPE_CHECKING:
    from explorer.lapq import LapqResult

_BITS = ("w_bits", "a_bits", "plan")


def searches(store: Store, study: Known, question: LapqQuestion) -> "Mapping[JointMethod, LapqResult]":
    """Finished searches for the same steps, by joint method."""
    found = {
        method: answers.result_of(store, study, question.but(method=method))
        for method in get_args(JointMethod)
    }
    return {method: result for method, result in found.items() if result is not None}


def best_search(store: Store, study: Known, question: LapqQuestion) -> "LapqResult | None":
    """The search that ended lowest in calibration loss, by any joint method; None if there is none."""
    found = searches(store, study, question).values()
    return min(found, key=lambda result: result.stages["joint"].calibration_loss, default=None)


def at_all_bits(
    store: Store, study: Known, question: StepsLoss, *, free: Collection[str] = ()
) -> dict[str, Answer]:
    """Finished runs of a question and of those like it in all but the bits, by their bits, the fewest first.

    Of plans only the question's own is among them, last.

    Args:
        free: options that may differ too; the very question's run comes before another at its bits.
    """

    def rest(of: StepsLoss) -> dict[str, object]:
        return {name: value for name, value in of if name not in (*_BITS, *free)}

    found: dict[tuple[bool, int, int], Answer] = {}
    for each in answers.asked(store, study, question.kind):
        if each.run.status != "done" or not isinstance(each.question, StepsLoss):
            continue
        if each.question.plan not in (None, question.plan):
            continue
        bits = each.question.plan is not None, each.question.w_bits, each.question.a_bits
        if rest(each.question) == rest(question) and (bits not in found or each.question == question):
            found[bits] = each
    return {_name(found[bits]): found[bits] for bits in sorted(found)}


def _name(of: Answer) -> str:
    assert isinstance(of.question, StepsLoss)
    return of.question.bits if of.question.plan is None else f"plan {of.question.bits}"
