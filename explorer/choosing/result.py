"""A choice: what was asked, what is promised of the plan, what was measured, and every plan that was looked at."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from explorer.choosing.comparing import Work
from explorer.choosing.drops import Drop
from explorer.studies.metrics import Metric


@dataclass(frozen=True)
class Tried:
    """One decision about one plan.

    Attributes:
        stage: ``search``, ``swap``, ``steps`` (with those of LAPQ) or ``held out``; that of the plan with steps is
            ``held out with steps``.
        w_bits, a_bits: of the blocks, in depth order.
        cost: in the unit of the cost.
        value, stderr: the drop of the accuracy against FP32, a share; of a swap, the fall of the loss against the plan
            in hand.
        samples: that the decision took.
        verdict: ``holds``, ``breaks`` or ``open``; of a swap ``taken`` or ``left``.
    """

    stage: str
    w_bits: tuple[int, ...]
    a_bits: tuple[int, ...]
    cost: float
    value: float
    stderr: float
    samples: int
    verdict: str

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Tried":
        """From plain data, as ``asdict`` gives it."""
        return cls(**{**content, "w_bits": tuple(content["w_bits"]), "a_bits": tuple(content["a_bits"])})


@dataclass(frozen=True)
class Refinement:
    """What swaps of bits gained.

    Attributes:
        proposals, taken: how many were measured, and how many of them became part of the plan.
        gain, gain_stderr: fall of the loss from the first plan to the last, on the samples that were held out.
    """

    proposals: int
    taken: int
    gain: float
    gain_stderr: float


@dataclass(frozen=True)
class Without:
    """The plan that would have been chosen without LAPQ's steps; the fields are those of `Choice`.

    What is promised of it holds by itself, not together with the promise of the other plan; it is none where
    ``at_most`` exceeds the wish.
    """

    cost: float
    size_bytes: int
    promised: Drop
    at_most: float
    attempts: int
    measured: Drop
    accuracy: float
    accuracy_stderr: float


@dataclass(frozen=True)
class Steps:
    """What LAPQ's steps gained.

    Attributes:
        taken: whether the plan has them.
        computed: plans whose steps were computed.
        calibration: images that they were fitted to.
        images: that went through the network for them, a backward pass counting as two.
        gain, gain_stderr: fall of the loss by the steps, of the plan found without them, on the samples that chose.
        without: the plan without.
    """

    taken: bool
    computed: int
    calibration: int
    images: int
    gain: float
    gain_stderr: float
    without: Without

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Steps":
        """From plain data, as ``asdict`` gives it."""
        without = content["without"]
        drops = {name: Drop(**without[name]) for name in ("promised", "measured")}
        return cls(**{**content, "without": Without(**{**without, **drops})})


@dataclass(frozen=True)
class Choice:
    """The smallest plan that was found to keep a wish.

    Attributes:
        study: its name.
        blocks: names, in depth order.
        max_drop: the drop of the accuracy that was allowed, a share.
        confidence: of the promise.
        cost_name, unit: what "smallest" counts.
        candidates: plans of the frontier that were chosen from.
        plan: plan.json's content.
        cost: of the plan, in the unit.
        size_bytes, fp32_bytes: packed weights of the plan, and of the network.
        chosen: drop on the training samples that the plan was chosen by: optimistic, since they chose it.
        promised: drop on training samples that were held out.
        at_most: the drop that is not exceeded on samples like these, with the confidence.
        attempts: plans that were measured on the samples held out; more than one where the first was too small.
        measured: drop on the test split.
        fp32_accuracy, accuracy, accuracy_stderr: on the test split.
        refinement: by swaps, of the plan that the search found; the plan in the end is another one where there was more
            than one attempt. None where none was asked for.
        work: evaluations on training samples.
        tried: every decision, in order.
        seconds: of the choice, over the last attempt of the run.
        steps: what LAPQ's steps gained; None where they were not asked for.
    """

    study: str
    blocks: tuple[str, ...]
    max_drop: float
    confidence: float
    cost_name: str
    unit: str
    candidates: int
    plan: Mapping[str, Any]
    cost: float
    size_bytes: int
    fp32_bytes: int
    chosen: Drop
    promised: Drop
    at_most: float
    attempts: int
    measured: Drop
    fp32_accuracy: float
    accuracy: float
    accuracy_stderr: float
    refinement: Refinement | None
    work: Work
    tried: tuple[Tried, ...]
    seconds: float
    steps: Steps | None = None

    @property
    def compression(self) -> float:
        """FP32 size over packed size."""
        return self.fp32_bytes / self.size_bytes

    def to_json(self) -> dict[str, Any]:
        """Plain data, compression included."""
        return {**asdict(self), "plan": dict(self.plan), "compression": self.compression}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Choice":
        """The inverse of ``to_json``."""
        known = {name: value for name, value in content.items() if name in cls.__dataclass_fields__}
        refinement, steps = known["refinement"], known.get("steps")
        return cls(
            **{
                **known,
                "blocks": tuple(known["blocks"]),
                **{name: Drop(**known[name]) for name in ("chosen", "promised", "measured")},
                "refinement": None if refinement is None else Refinement(**refinement),
                "steps": None if steps is None else Steps.from_json(steps),
                "work": Work(**known["work"]),
                "tried": tuple(Tried.from_json(each) for each in known["tried"]),
            }
        )


def said(choice: Choice, samples: str, metric: str = "accuracy") -> str:
    """What is promised and what was measured, in sentences.

    Args:
        samples: what they are called, in the plural.
        metric: what the study counts.
    """
    cost = "" if choice.cost_name == "size" else f"{said_cost(choice, choice.cost)}, "
    return (
        f"{cost}{choice.size_bytes / 1000:,.1f} kB ({choice.compression:.1f} times smaller). Promised: at most "
        f"{share(choice.at_most)} points lost, with {choice.confidence:.0%} confidence ({points(choice.promised)} on "
        f"{choice.promised.samples:,} training {samples} that did not choose it). Measured on "
        f"{choice.measured.samples:,} test {samples}: {points(choice.measured)} points lost, {metric} "
        f"{choice.accuracy:.2%} where FP32 has {choice.fp32_accuracy:.2%}."
        f"{'' if choice.steps is None else ' ' + said_of_steps(choice, choice.steps, samples, metric)}"
    )


def said_of_steps(choice: Choice, steps: Steps, samples: str = "samples", metric: str = "accuracy") -> str:
    """What the plan would be without LAPQ's steps, or that they do not help, in a sentence."""
    if not steps.taken:
        plans = "one plan" if steps.computed == 1 else f"{steps.computed} plans"
        return (
            f"LAPQ's steps were computed for {plans} and not taken: they change the loss of the plan "
            f"by {-steps.gain:+.4f} ± {steps.gain_stderr:.4f}, and no smaller plan with them passed."
        )
    other = steps.without
    promised = (
        f"at most {share(other.at_most)} points lost promised"
        if other.at_most <= choice.max_drop
        else "nothing to promise"
    )
    return (
        f"It has LAPQ's steps, fitted to {steps.calibration:,} training {samples}. Without them: "
        f"{said_cost(choice, other.cost)}, {promised}, {points(other.measured)} points lost in the test, {metric} "
        f"{other.accuracy:.2%}."
    )


def said_cost(choice: Choice, cost: float) -> str:
    """A cost with its unit."""
    return f"{cost:,.10g} {choice.unit}"


def remark_on(metric: Metric) -> str | None:
    """What the confidence of a promise is not, where a metric is no mean over samples."""
    if not metric.of_all:
        return None
    return (
        f"{metric.name} is counted of all samples together, so its errors are the bootstrap's, and the confidence of "
        "the promise is a convention on the safe side, not a theorem."
    )


def points(drop: Drop) -> str:
    """A drop with its standard error, in percentage points."""
    return f"{share(drop.value)} ± {share(drop.stderr)}"


def share(value: float) -> str:
    """A share in percentage points."""
    return f"{100 * value:.2f}"
