"""Results of a trace computation: one frozen record a block, with its error and what it was made of."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Of = Literal["weights", "activations"]
Method = Literal["auto", "exact", "output-probes", "hutchinson"]


@dataclass(frozen=True)
class BlockTrace:
    """The trace of one block's Hessian.

    Attributes:
        name: the block.
        n: number of weights, or of activations for one sample.
        trace: Tr(H_i); negative values are kept.
        mean_trace: Tr(H_i) / n_i.
        stderr: standard error of ``trace``, over both the data drawn and the probes; 0 where nothing was
            drawn.
        samples: how many data samples were drawn (with repetition).
    """

    name: str
    n: int
    trace: float
    mean_trace: float
    stderr: float
    samples: int

    @property
    def mean_stderr(self) -> float:
        """Standard error of ``mean_trace``."""
        return self.stderr / self.n


@dataclass(frozen=True)
class Traces:
    """Traces of all blocks, in depth order.

    Attributes:
        study: its name.
        of: ``weights`` or ``activations`` (the input of each layer, as one sample sees it).
        method: what was done: ``exact``, ``output-probes`` or ``hutchinson``.
        blocks: one record a block.
        seconds: time spent, earlier attempts included.
        note: in words: what was done, why, and what is missing.
        seed: of every random draw.
        rel_se: the relative standard error asked for.
        unfinished: blocks whose standard error is still above it.
        state: plain data to resume or extend from (``resume_state=``).
    """

    study: str
    of: Of
    method: str
    blocks: tuple[BlockTrace, ...]
    seconds: float
    note: str = ""
    seed: int = 0
    rel_se: float = 0.05
    unfinished: tuple[str, ...] = ()
    state: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def mean_traces(self) -> dict[str, float]:
        """Block to Tr(H_i) / n_i."""
        return {block.name: block.mean_trace for block in self.blocks}

    def to_json(self, *, full: bool = False) -> dict[str, Any]:
        """The command line's object; ``full`` adds what is needed to show the note and to extend."""
        record: dict[str, Any] = {
            "study": self.study,
            "of": self.of,
            "method": self.method,
            "blocks": [asdict(block) for block in self.blocks],
            "seconds": self.seconds,
        }
        if full:
            record |= {
                "note": self.note,
                "seed": self.seed,
                "rel_se": self.rel_se,
                "unfinished": list(self.unfinished),
                "state": dict(self.state),
            }
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Traces":
        """The inverse of ``to_json``, full or not."""
        fields = {key: value for key, value in record.items() if key not in ("blocks", "unfinished")}
        blocks = tuple(BlockTrace(**block) for block in record["blocks"])
        return cls(**fields, blocks=blocks, unfinished=tuple(record.get("unfinished", ())))


@dataclass(frozen=True)
class TracesProgress:
    """How far a computation is.

    Attributes:
        fraction: 0 to 1, a guess from the errors reached.
        message: what is being done.
        blocks: the estimates so far; empty before the first.
        state: plain data; ``resume_state=state`` continues from here to the same numbers.
        seconds_left: a guess, or None.
    """

    fraction: float
    message: str
    blocks: tuple[BlockTrace, ...] = ()
    state: Mapping[str, Any] = field(default_factory=dict, repr=False)
    seconds_left: float | None = None
