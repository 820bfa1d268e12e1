"""The widths that a plan gives to layers, as the step search takes them.

A plan names every block, so it also says what stays in FP32: the first and the last layer follow it as all others
do. Steps are found for 2 to 8 bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from explorer.blocks import Block
from explorer.errors import LapqError
from explorer.lapq.loss.forms import check_bits
from explorer.plans import Plan, read_plan
from explorer.studies.study import Study

Widths = Mapping[str, tuple[int, int]]


def planned(study: Study, content: Mapping[str, Any]) -> tuple[Plan, tuple[Block, ...]]:
    """The plan of a question, and the partition whose blocks it names.

    Raises:
        PlanError: the plan does not fit the study.
        LapqError: it gives a block a width that has no step here.
    """
    plan, blocks = read_plan(content, study=study, partitions=(study.blocks(), study.blocks("module")))
    for name, bits in plan.blocks.items():
        try:
            check_bits("weights", bits.w_bits)
            check_bits("activations", bits.a_bits)
        except LapqError as error:
            raise LapqError(f"block {name}: {error}") from error
    return plan, blocks


def widths_of(study: Study, content: Mapping[str, Any]) -> Widths:
    """Layer to the widths of its weight and of its input; errors as of `planned`."""
    plan, blocks = planned(study, content)
    return plan.layer_bits(blocks)
