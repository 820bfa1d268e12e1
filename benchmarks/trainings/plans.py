"""The plans that are trained, by name; what they are made from is asked of the store as any command asks.

W2A4              weights of 2, inputs of 4 bits; the first and the last layer 8 and 8
W1A4              the same, but the weights of the first and the last layer are in FP32, for BinaryConnect
uniform ÷16       32/16 bits for every weight, activations as they are
trace ÷16         of the widths 1, 2, 3, 4, 6, 8 and no larger than that, the least Ω by a measure
set-b ÷16         of HAWQ-V2's set B and as large to 2 %, the most Ω by the trace
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from explorer import plans
from explorer.plans import Budget, DamageTable, Plan
from explorer.proxy.sampling import SET_B_CLOSE
from explorer.quantizers.grid import FLOAT_BITS
from explorer.questions import DamageQuestion, Question, TracesQuestion
from explorer.studies import Study

Ask = Callable[[Study, Question], Any]  # the typed result of a question

MENU = (1, 2, 3, 4, 6, 8)
ENDS = 8
_WIDTHS = re.compile(r"W(\d+)A(\d+)")


def named(name: str, study: Study, ask: Ask) -> Plan:
    """A plan by its name.

    Raises:
        ValueError: no plan is called so.
        PlanError: no plan is so small.
    """
    blocks = study.blocks()
    if (widths := _WIDTHS.fullmatch(name)) is not None:
        weights, inputs = (int(each) for each in widths.groups())
        plan = Plan.uniform(study, blocks, weights, inputs, name=name)
        for end in (blocks[0], blocks[-1]):
            plan = plan.with_bits(end.name, w_bits=FLOAT_BITS if weights == 1 else ENDS, a_bits=ENDS)
        return plan
    kind, _, ratio = name.partition(" ÷")
    if not ratio:
        raise ValueError(f"no plan is called {name!r}")
    if kind == "uniform":
        return Plan.uniform(study, blocks, FLOAT_BITS // int(ratio), FLOAT_BITS, name=name)
    budget = Budget("ratio", float(ratio))
    if kind == "set-b":
        problem = _problem(study, "trace", ask, monotone=True)
        found, target = plans.enumerate_set_b(problem), plans.fp32_bytes(blocks) / float(ratio)
        near = np.flatnonzero(np.abs(found.cost - target) <= SET_B_CLOSE * target)
        bits = found.bits_of(int(near[np.argmax(found.omega[near])]))
        return Plan.of_weights(study, blocks, bits, a_bits=FLOAT_BITS, name=name)
    return plans.solve(_problem(study, kind, ask)).best_under(budget).plan(study, blocks, name=name)


def _problem(study: Study, measure: str, ask: Ask, *, monotone: bool = False) -> plans.Problem:
    damage: DamageTable | str = measure
    traces = ask(study, TracesQuestion()) if measure == "trace" else None
    if measure in ("product", "lambda-max"):
        damage = ask(study, DamageQuestion(measure=measure, bits=MENU)).table
    return plans.study_problem(study, traces, damage=damage, bits=MENU, a_bits=FLOAT_BITS, monotone=monotone)
