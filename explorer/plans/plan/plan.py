"""A plan: how many bits the weights and the activations of every block get.

``a_bits`` is the width of a block's *input*, as HAWQ-V3 and BOPs count it; 32 means left in FP32. A plan
belongs to one study and to one file of weights, so that a plan of another network is noticed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Protocol

from explorer.blocks import Block
from explorer.errors import PlanError
from explorer.quantizers.given import GivenSteps
from explorer.questions.base import WIDTHS

ALLOWED_BITS = WIDTHS


class StudyIdentity(Protocol):
    """What a plan remembers of its study; both kinds of study have it."""

    @property
    def name(self) -> str: ...

    @property
    def weights_sha256(self) -> str: ...


@dataclass(frozen=True)
class BlockBits:
    """The widths of one block, of its weights and of its input: 1 to 8, 16 or 32."""

    w_bits: int
    a_bits: int

    def __post_init__(self) -> None:
        for what, bits in (("weights", self.w_bits), ("activations", self.a_bits)):
            if isinstance(bits, bool) or bits not in ALLOWED_BITS:
                raise PlanError(f"{what} cannot have {bits} bits; {allowed_sentence()}")


@dataclass(frozen=True)
class Difference:
    """A block on which two plans differ."""

    block: str
    before: BlockBits
    after: BlockBits


@dataclass(frozen=True)
class Plan:
    """Bits for every block of one study.

    Attributes:
        study: name of the study.
        weights_sha256: of the weights the plan was made for.
        blocks: block to bits, in depth order; read-only.
        name: what a person called it; plays no part in what the plan does.
        steps: of these weights and inputs at these widths, as LAPQ finds them; None: the rules choose.
    """

    study: str
    weights_sha256: str
    blocks: Mapping[str, BlockBits]
    name: str = ""
    steps: GivenSteps | None = None

    def __post_init__(self) -> None:
        if not self.blocks:
            raise PlanError("a plan needs at least one block; this one has none")
        object.__setattr__(self, "blocks", MappingProxyType(dict(self.blocks)))

    def __hash__(self) -> int:
        return hash((self.study, self.weights_sha256, tuple(self.blocks.items()), self.name, self.steps))

    def __reduce__(self) -> tuple[Any, ...]:
        # A mapping proxy cannot be pickled, and worker processes and session state pickle plans.
        return Plan, (self.study, self.weights_sha256, dict(self.blocks), self.name, self.steps)

    @classmethod
    def uniform(
        cls, study: StudyIdentity, blocks: Sequence[Block], w_bits: int, a_bits: int, *, name: str = ""
    ) -> "Plan":
        """The plan that gives every block the same widths."""
        bits = BlockBits(w_bits, a_bits)
        return cls(study.name, study.weights_sha256, {block.name: bits for block in blocks}, name)

    @classmethod
    def of_weights(
        cls,
        study: StudyIdentity,
        blocks: Sequence[Block],
        w_bits: Mapping[str, int],
        *,
        a_bits: int | None = None,
        name: str = "",
    ) -> "Plan":
        """The plan with these weight bits; activations get ``a_bits``, or their block's weight bits."""
        check_names(w_bits, blocks, study.name)
        chosen = {
            block.name: bits_of(block.name, w_bits[block.name], a_bits or w_bits[block.name])
            for block in blocks
        }
        return cls(study.name, study.weights_sha256, chosen, name)

    @property
    def w_bits(self) -> dict[str, int]:
        """Block to weight bits."""
        return {block: bits.w_bits for block, bits in self.blocks.items()}

    @property
    def a_bits(self) -> dict[str, int]:
        """Block to activation bits."""
        return {block: bits.a_bits for block, bits in self.blocks.items()}

    def with_bits(self, block: str, *, w_bits: int | None = None, a_bits: int | None = None) -> "Plan":
        """The same plan with other widths for one block; a width that is None stays.

        Steps were found for all widths together, so a plan with another width has none.

        Raises:
            PlanError: the plan has no such block, or the width is not allowed.
        """
        if block not in self.blocks:
            raise PlanError(f"the plan has no block {block}; its blocks are {listed(self.blocks)}")
        old = self.blocks[block]
        new = bits_of(
            block, old.w_bits if w_bits is None else w_bits, old.a_bits if a_bits is None else a_bits
        )
        return self if new == old else replace(self, blocks={**self.blocks, block: new}, steps=None)

    def named(self, name: str) -> "Plan":
        """The same plan under another name."""
        return replace(self, name=name)

    def differences(self, other: "Plan") -> tuple[Difference, ...]:
        """Where ``other`` differs from this plan, in depth order.

        Raises:
            PlanError: the two plans have different blocks.
        """
        if set(self.blocks) != set(other.blocks):
            odd = [
                name
                for name in (*self.blocks, *other.blocks)
                if (name in self.blocks) != (name in other.blocks)
            ]
            raise PlanError(
                f"the two plans have different blocks ({listed(odd)}); compare plans of one partition"
            )
        pairs = ((block, bits, other.blocks[block]) for block, bits in self.blocks.items())
        return tuple(Difference(block, mine, theirs) for block, mine, theirs in pairs if mine != theirs)

    def layer_bits(self, blocks: Sequence[Block]) -> dict[str, tuple[int, int]]:
        """Layer to (weight bits, activation bits), as the quantizers take it.

        Raises:
            PlanError: the plan's blocks are not these blocks.
        """
        check_names(self.blocks, blocks, self.study)
        return dict(self._layers(blocks))

    def _layers(self, blocks: Sequence[Block]) -> Iterator[tuple[str, tuple[int, int]]]:
        for block in blocks:
            bits = self.blocks[block.name]
            for layer in block.layers:
                yield layer.name, (bits.w_bits, bits.a_bits)

    def to_json(self) -> dict[str, Any]:
        """The contract of plan.json (see ``read_plan``); ``name`` and ``steps`` are there when the plan has them."""
        content: dict[str, Any] = {"version": 1, "study": self.study, "weights_sha256": self.weights_sha256}
        if self.name:
            content["name"] = self.name
        content["blocks"] = {
            block: {"w_bits": bits.w_bits, "a_bits": bits.a_bits} for block, bits in self.blocks.items()
        }
        if self.steps is not None:
            content["steps"] = self.steps.to_json()
        return content


def bits_of(block: str, w_bits: int, a_bits: int) -> BlockBits:
    """``BlockBits`` whose error names the block."""
    try:
        return BlockBits(w_bits, a_bits)
    except PlanError as error:
        raise PlanError(f"block {block}: {error}") from error


def spelled(bits: Mapping[str, BlockBits]) -> str:
    """Widths of all blocks as a short text, in the order of the plan: those of weights, then those of activations.

    >>> spelled({"a": BlockBits(4, 8), "b": BlockBits(2, 8)})
    '4.2_8.8'
    """
    weights = ".".join(str(each.w_bits) for each in bits.values())
    return f"{weights}_{'.'.join(str(each.a_bits) for each in bits.values())}"


def check_names(names: Mapping[str, Any], blocks: Sequence[Block], study: str) -> None:
    """Refuse a mapping that does not name exactly these blocks.

    Raises:
        PlanError: unknown or missing blocks, at most five of each spelt out.
    """
    expected = [block.name for block in blocks]
    known = set(expected)
    unknown = [name for name in names if name not in known]
    missing = [name for name in expected if name not in names]
    complaints = []
    if unknown:
        complaints.append(f"has blocks that {study} does not have ({listed(unknown)})")
    if missing:
        complaints.append(f"gives no bits to {listed(missing)}")
    if complaints:
        raise PlanError(
            f"the plan {' and '.join(complaints)}; it must name exactly the {len(expected)} blocks "
            f"{listed(expected)}"
        )


def listed(names: Mapping[str, Any] | Sequence[str]) -> str:
    """At most five names, then how many more."""
    spelt = list(names)
    rest = f" and {len(spelt) - 5} more" if len(spelt) > 5 else ""
    return ", ".join(spelt[:5]) + rest


def allowed_sentence() -> str:
    """Which widths there are, for error messages."""
    return "a width is one of 1 to 8, 16 and 32 bits"
