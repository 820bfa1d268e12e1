"""Results of a trace computation: one frozen record a block, with its error and what it was made of."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from explorer.questions.traces import Of


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
        return self.stderr / max(self.n, 1)


@dataclass(frozen=True)
class Moment:
    """The estimates at one moment of the computation, blocks in depth order.

    Attributes:
        samples: data samples drawn so far.
        probes: random vectors drawn so far; 0 for ``exact``, which draws none.
        seconds: time spent.
        traces, stderrs: Tr(H_i) and its standard error.
    """

    samples: int
    probes: int
    seconds: float
    traces: tuple[float, ...]
    stderrs: tuple[float, ...]

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Moment":
        """Moment from what ``dataclasses.asdict`` gives, with lists for tuples."""
        arrays = {"traces": tuple(record["traces"]), "stderrs": tuple(record["stderrs"])}
        return cls(**{**record, **arrays})


@dataclass(frozen=True)
class Draws:
    """The single draws that an estimate by ``output-probes`` or ``exact`` is the mean of.

    Attributes:
        proposal: (N,) float64, the probability with which each sample of the data was drawn; 1/N for exact.
        positions: (M,) int64, which of the N samples each draw took (the rows of the training split, unless
            the traces were asked for over some rows only).
        values: (M, blocks) float64; the mean over draws is the Gauss-Newton part of Tr(H_i), and
            ``values * N * q`` is an unbiased value (for exact: the value) of that sample's own trace.
    """

    proposal: Tensor
    positions: Tensor
    values: Tensor

    @property
    def q(self) -> Tensor:
        """(M,) probability of each drawn sample."""
        return self.proposal[self.positions]

    @property
    def own_traces(self) -> Tensor:
        """(M, blocks): for each draw, an unbiased value of Tr(H_{i,n}) of the sample's own loss."""
        return self.values * (len(self.proposal) * self.q).unsqueeze(1)

    def tensors(self) -> dict[str, Tensor]:
        """For safetensors."""
        return {
            "proposal": self.proposal.contiguous(),
            "positions": self.positions.contiguous(),
            "values": self.values.contiguous(),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "Draws":
        """Draws from the tensors that `tensors` gives."""
        return cls(tensors["proposal"], tensors["positions"], tensors["values"])

    def with_more(self, positions: Tensor, values: Tensor) -> "Draws":
        """These draws followed by others from the same proposal."""
        return Draws(self.proposal, torch.cat([self.positions, positions]), torch.cat([self.values, values]))


@dataclass(frozen=True)
class Kept:
    """State that a computation goes on from, after an interruption or to reach a smaller error.

    Attributes:
        state: plain data.
        draws: the single draws so far, where the method keeps them.
    """

    state: Mapping[str, Any]
    draws: Draws | None = None

    def tensors(self) -> dict[str, Tensor]:
        """Tensors of the draws, none where there are no draws; for safetensors."""
        return {} if self.draws is None else self.draws.tensors()

    @classmethod
    def from_saved(cls, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> "Kept":
        """State from its plain data and the tensors that `tensors` gives."""
        return cls(state, Draws.from_tensors(tensors) if tensors else None)


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
        history: the estimates as they came, at most about a hundred moments.
        kept: state to extend from (``resume=``).
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
    history: tuple[Moment, ...] = field(default=(), repr=False)
    kept: Kept | None = field(default=None, repr=False, compare=False)

    @property
    def draws(self) -> Draws | None:
        """The single draws; None for ``hutchinson``."""
        return None if self.kept is None else self.kept.draws

    @property
    def mean_traces(self) -> dict[str, float]:
        """Block to Tr(H_i) / n_i."""
        return {block.name: block.mean_trace for block in self.blocks}

    def summary(self) -> dict[str, Any]:
        """Plain data that the command line shows: the figures, without how they came about."""
        return {
            "study": self.study,
            "of": self.of,
            "method": self.method,
            "blocks": [asdict(block) for block in self.blocks],
            "seconds": self.seconds,
        }

    def to_json(self) -> dict[str, Any]:
        """Plain data of everything but the draws, which are tensors."""
        record = self.summary() | {
            "note": self.note,
            "seed": self.seed,
            "rel_se": self.rel_se,
            "unfinished": list(self.unfinished),
            "history": [asdict(moment) for moment in self.history],
        }
        if self.kept is not None:
            record["state"] = {key: value for key, value in self.kept.state.items() if key != "history"}
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Traces":
        """Traces from what `to_json` or `summary` gives; the draws come from elsewhere, see `with_draws`."""
        apart = ("blocks", "unfinished", "history", "state")
        fields = {key: value for key, value in record.items() if key not in apart}
        state = record.get("state")
        return cls(
            **fields,
            blocks=tuple(BlockTrace(**block) for block in record["blocks"]),
            unfinished=tuple(record.get("unfinished", ())),
            history=tuple(Moment.from_json(moment) for moment in record.get("history", ())),
            kept=None if state is None else Kept({**state, "history": record["history"]}),
        )

    def with_draws(self, tensors: Mapping[str, Tensor]) -> "Traces":
        """These traces with their draws beside the state to go on from."""
        assert self.kept is not None, "traces without a state have no draws"
        return replace(self, kept=Kept.from_saved(self.kept.state, tensors))
