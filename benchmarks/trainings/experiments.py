"""The experiments: groups of trainings whose accuracies are compared, and the order in which they are run.

A group is a table: the same study and number of epochs, a row a plan and a set of options, several seeds. Options are
those of a `FinetuneQuestion` that differ from its defaults; a seed draws the order, the crops and the samples held out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Options = Mapping[str, Any]

THIN, RESNET, MOBILE, CIFAR = "fashion-thin", "fashion-resnet20", "fashion-mobilenet", "cifar10-resnet20"
ALONE: Options = MappingProxyType({"logits": 0.0, "channels": 0.0})  # no teacher
TRACED: Options = MappingProxyType({"trace_images": 512})
WIDTHS = ("W4A4", "W2A4", "W2A2")
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        label: as the table shows it.
        plan: name of a plan, see `plans.named`.
        options: of the training.
    """

    label: str
    plan: str
    options: Options


@dataclass(frozen=True)
class Group:
    """Trainings that are compared.

    Attributes:
        key: short name, for the command line.
        title: of the table.
        study: whose network is trained.
        reference: label of the row that the others are compared with; ``{plan} ...`` for one of the same plan.
        rows: in the order of the table.
        seeds: that are wanted.
        notes: sentences under it.
    """

    key: str
    title: str
    study: str
    reference: str
    rows: tuple[Row, ...]
    seeds: tuple[int, ...] = SEEDS
    notes: tuple[str, ...] = ()

    def reference_of(self, label: str) -> str:
        """Label of the row that the row of this label is compared with."""
        plan = next(row.plan for row in self.rows if row.label == label)
        return self.reference.format(plan=plan)


@dataclass(frozen=True)
class Training:
    """One training: a row of a group with a seed."""

    group: Group
    row: Row
    seed: int

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from the others."""
        return self.group.key, self.row.label, self.seed


def _epochs(count: int) -> str:
    return "one epoch" if count == 1 else f"{count} epochs"


def by_method(name: str, epochs: int) -> Options:
    """Options of a method by itself; ``default`` and ``fpq`` are LSQ with what is added to it."""
    shared = {"epochs": epochs}
    if name == "default":
        return shared
    if name == "fpq":
        return {**shared, **TRACED, "logits": 0.0, "noise": 0.3}
    traced = TRACED if name == "lsq" else {}
    return {**shared, **traced, **ALONE, **({} if name == "lsq" else {"method": name})}


def methods(study: str, names: Sequence[str], *, epochs: int = 1, widths: Sequence[str] = WIDTHS) -> Group:
    """Each method at each width, the first and the last layer with 8 bits."""
    rows = [Row(f"{width} {name}", width, by_method(name, epochs)) for width in widths for name in names]
    if study == THIN:  # BinaryConnect takes no other widths than 1 and 32
        binary = by_method("binaryconnect", epochs)
        drawn = {**binary, "method_options": {"stochastic": True}}
        rows += [Row("W1A4 ste", "W1A4", by_method("ste", epochs))]
        rows += [Row("W1A4 binaryconnect", "W1A4", binary), Row("W1A4 binaryconnect, drawn", "W1A4", drawn)]
    return Group(f"methods-{study}", f"{study}: methods, {_epochs(epochs)}", study, "{plan} ste", tuple(rows))


def of_plans(study: str, ratio: int, *, epochs: int = 3) -> Group:
    """The plan of least Ω by each measure, the most harmful one of set B, and a uniform plan, at one size."""
    options = {"epochs": epochs}
    rows = (
        Row("uniform", f"uniform ÷{ratio}", options),
        Row("ΔWᵀHΔW", f"product ÷{ratio}", options),
        Row("mean trace × ‖ΔW‖²", f"trace ÷{ratio}", options),
        Row("‖ΔW‖² alone", f"l2 ÷{ratio}", options),
        Row("λ × ‖ΔW‖²", f"lambda-max ÷{ratio}", options),
        Row("most Ω by the trace in set B", f"set-b ÷{ratio}", options),
    )
    title = f"{study}: plans {ratio} times smaller, weights alone, default training, {_epochs(epochs)}"
    return Group(f"plans-{study}-{ratio}", title, study, "mean trace × ‖ΔW‖²", rows)


def ablation(study: str, plan: str, *, epochs: int = 1) -> Group:
    """FPQ's two parts on LSQ."""
    usual = {"epochs": epochs, **TRACED}
    rows = (
        Row("lsq", plan, {**usual, **ALONE}),
        Row("lsq, noise", plan, {**usual, **ALONE, "noise": 0.3}),
        Row("lsq, channels", plan, {**usual, "logits": 0.0}),
        Row("lsq, noise and channels (FPQ)", plan, {**usual, "logits": 0.0, "noise": 0.3}),
    )
    title = f"{study}: parts of FPQ, {plan}, {_epochs(epochs)}"
    return Group(f"ablation-{study}-{epochs}", title, study, "lsq", rows)


def distilled(study: str, plan: str, *, epochs: int = 1) -> Group:
    """LSQ, on the samples that are not held out and on all of them, taught by channels, by channels and logits."""
    usual = {"epochs": epochs}
    rows = (
        Row("lsq", plan, {**usual, **ALONE}),
        Row("lsq, nothing held out", plan, {**usual, **ALONE, "keep": "last"}),
        Row("lsq, channels", plan, {**usual, "logits": 0.0}),
        Row("lsq, channels, logits (default)", plan, usual),
    )
    return Group(
        f"taught-{study}-{epochs}",
        f"{study}: LSQ and its teacher, {plan}, {_epochs(epochs)}",
        study,
        "lsq",
        rows,
    )


def staged(study: str, plan: str, *, epochs: int = 2) -> Group:
    """HAWQ's stages beside everything at once, straight-through and without a teacher as there."""
    usual = {"epochs": epochs, "method": "ste", **ALONE}
    rows = (
        Row("all at once", plan, usual),
        Row("3 stages, descending Ω", plan, {**usual, "stages": 3}),
        Row("3 stages, ascending Ω", plan, {**usual, "stages": 3, "stage_order": "ascending"}),
    )
    return Group(f"stages-{study}", f"{study}: stages, {plan}, {_epochs(epochs)}", study, "all at once", rows)


METHODS = ("ste", "lsq", "pact", "dorefa", "fpq", "default")
GROUPS: Mapping[str, Group] = {
    group.key: group
    for group in (
        of_plans(THIN, 16),
        of_plans(CIFAR, 16, epochs=1),
        of_plans(MOBILE, 16, epochs=1),
        of_plans(RESNET, 16, epochs=1),
        methods(THIN, METHODS),
        ablation(THIN, "W2A4"),
        ablation(THIN, "W2A4", epochs=3),
        staged(THIN, "W2A4"),
        distilled(CIFAR, "W2A4"),
        distilled(CIFAR, "W2A4", epochs=5),
        methods(RESNET, METHODS),
        methods(MOBILE, METHODS),
        methods(CIFAR, METHODS),
    )
}


def queue() -> list[Training]:
    """Every training once, the most valuable first."""
    return list({each.key: each for each in _in_order()}.values())


def _in_order() -> Iterator[Training]:
    plans, thin, taught = GROUPS[f"plans-{THIN}-16"], GROUPS[f"methods-{THIN}"], GROUPS[f"taught-{CIFAR}-1"]
    parts, stages = GROUPS[f"ablation-{THIN}-1"], GROUPS[f"stages-{THIN}"]
    first = [row.label for row in plans.rows[:3]]
    usual = [f"W2A4 {name}" for name in ("ste", "lsq", "fpq", "default")]
    yield from _each(plans, (0,), first[:1])
    yield from _each(taught, (0,))
    yield from _each(plans, (0,), first)
    yield from _each(thin, (0,), usual)
    yield from _each(plans, SEEDS, first)
    yield from _each(thin, SEEDS, usual)
    yield from _each(parts, SEEDS)
    yield from _each(plans, SEEDS)
    yield from _each(stages, SEEDS)
    yield from _each(thin, (0,))
    for study in (RESNET, MOBILE):
        yield from _each(GROUPS[f"methods-{study}"], (0,), ["W2A4 ste", "W2A4 default"])
    yield from _each(thin, SEEDS)
    yield from _each(taught, SEEDS)
    for seed in SEEDS:
        yield from _each(GROUPS[f"methods-{CIFAR}"], (seed,))
        yield from _each(GROUPS[f"taught-{CIFAR}-5"], (seed,))
    yield from _each(GROUPS[f"plans-{CIFAR}-16"], SEEDS)
    yield from _each(GROUPS[f"ablation-{THIN}-3"], SEEDS)
    for seed in SEEDS:
        for study in (MOBILE, RESNET):
            yield from _each(GROUPS[f"methods-{study}"], (seed,))
            yield from _each(GROUPS[f"plans-{study}-16"], (seed,))


def _each(group: Group, seeds: Sequence[int], labels: Sequence[str] | None = None) -> Iterator[Training]:
    for seed in seeds:
        for row in group.rows:
            if labels is None or row.label in labels:
                yield Training(group, row, seed)
