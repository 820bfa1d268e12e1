"""The question what plans along a frontier are worth: the plans that may be measured, and how many of them are.

Plans are written one letter a block, in base 36 (8 bits are ``8``, 16 are ``g``, 32 are ``w``), so that a hundred plans
of a deep network are still a short text.

>>> Ladder.of(["conv", "fc"], [[2, 4], [8, 16]], [[8, 8], [8, 32]]).weights
('24', '8g')
"""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from explorer.errors import PlanError
from explorer.questions.base import MOST_NAMES, MOST_SAMPLES, WIDTHS, Frozen, Name, Question, Split

MOST_PLANS = 1000
_LETTERS = {bits: "0123456789abcdefghijklmnopqrstuvwxyz"[bits] for bits in WIDTHS}
_BITS = {letter: bits for bits, letter in _LETTERS.items()}

Row = Annotated[str, Field(max_length=MOST_NAMES)]  # a letter a block


class Ladder(Frozen):
    """Plans of one network, the cheapest first.

    Attributes:
        blocks: names.
        weights, inputs: of each plan a letter a block: widths of the weights and of the block's input.
    """

    refusal = PlanError

    blocks: tuple[Name, ...] = Field(min_length=1, max_length=MOST_NAMES)
    weights: tuple[Row, ...] = Field(min_length=2, max_length=MOST_PLANS)
    inputs: tuple[Row, ...] = Field(min_length=2, max_length=MOST_PLANS)

    @model_validator(mode="after")
    def _check_rows(self) -> Self:
        rows = (*self.weights, *self.inputs)
        if any(len(row) != len(self.blocks) for row in rows):
            raise ValueError("every plan must give each block one width of its weights and one of its input")
        if len(self.weights) != len(self.inputs):
            raise ValueError("every plan needs widths of its weights and of its inputs")
        unknown = {letter for row in rows for letter in row} - set(_BITS)
        if unknown:
            raise ValueError(f"there is no width {min(unknown)!r}; use 1 to 8, g for 16 or w for 32")
        if len(set(zip(self.weights, self.inputs, strict=True))) < len(self.weights):
            raise ValueError("a plan is there twice; give each plan once")
        return self

    @classmethod
    def of(
        cls, blocks: Sequence[str], weights: Sequence[Sequence[int]], inputs: Sequence[Sequence[int]]
    ) -> Self:
        """From the widths of the weights and of the inputs, (plans, blocks) both.

        Raises:
            PlanError: a width is not allowed, a plan is there twice, or there are fewer than two.
        """
        rows = [["".join(map(_letter, row)) for row in table] for table in (weights, inputs)]
        return cls(blocks=tuple(blocks), weights=tuple(rows[0]), inputs=tuple(rows[1]))

    def bits(self, place: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Widths of the weights and of the inputs of one plan."""
        weights, inputs = (
            tuple(_BITS[letter] for letter in row) for row in (self.weights[place], self.inputs[place])
        )
        return weights, inputs

    def __len__(self) -> int:
        return len(self.weights)


class MeasureFrontierQuestion(Question):
    """Measured loss and metric of plans along a frontier, without training."""

    kind = "measure_frontier"
    refusal = PlanError

    plans: Ladder = Field(description="the plans that may be measured")
    points: int = Field(16, ge=2, le=MOST_PLANS, description="how many to measure")
    samples: int = Field(2000, ge=2, le=MOST_SAMPLES, description="samples, evenly spread")
    split: Split = Field("test", description="which samples")


def _letter(bits: int) -> str:
    if bits not in _LETTERS:
        raise PlanError(f"there is no width of {bits} bits; use 1 to 8, 16 or 32")
    return _LETTERS[int(bits)]
