"""What is right about a study of one's own and what is not, part by part: a wrong one does not hide those after it.

Every finding is one sentence. ``right`` needs no attention, ``note`` is worth knowing, ``wrong`` stands against loading
the study.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from torch import nn

from explorer.blocks import Block
from explorer.errors import ExplorerError, sentence
from explorer.studies.checks import check_forward
from explorer.studies.data.samples import Samples, remark_on, training_name
from explorer.studies.data.stacking import leaves
from explorer.studies.factories import Factories
from explorer.studies.kinds.sections import Place
from explorer.studies.losses import Loss
from explorer.studies.study import Study, require_network
from explorer.studies.toml import Description, load_toml, loss_of, metric_of, network_of, read_description
from explorer.studies.weights import load_into, read_weights

State = Literal["right", "note", "wrong"]
Found = TypeVar("Found")
_LISTED = 5  # layers that a sentence names


@dataclass(frozen=True)
class Finding:
    """What was found of one part.

    Attributes:
        part: of the study, such as ``weights``.
        state: whether it is as it should be.
        said: one sentence.
    """

    part: str
    state: State
    said: str


@dataclass(frozen=True)
class Examination:
    """All that was found of a study."""

    findings: tuple[Finding, ...]

    @property
    def right(self) -> bool:
        """Whether nothing stands against using it."""
        return all(each.state != "wrong" for each in self.findings)


def examine(path: Path) -> Examination:
    """Look at the study that a study.toml describes.

    Args:
        path: the file.
    """
    return Examination(tuple(_findings(path)))


def _findings(path: Path) -> Iterator[Finding]:
    try:
        description = read_description(path)
    except ExplorerError as error:
        yield Finding("description", "wrong", str(error))
        return
    if description.model is None or description.data is None:
        yield Finding(
            "description", "note", f"{description.name} holds published figures; there is no network to check"
        )
        return
    yield Finding("description", "right", f"{path} describes {description.name}")
    factories = Factories(path.parent)
    data, finding = _tried("data", lambda: _data(description, path.parent, factories))
    yield finding
    if data is not None:
        yield from _of_data(data)
    network, finding = _tried("network", lambda: _network(description, factories))
    yield finding
    fits = None
    if network is not None:
        fits, finding = _tried("weights", lambda: _weights(description, path.parent, network))
        yield finding
    loss, finding = _tried("loss", lambda: _loss(description, factories))
    yield finding
    if data is None or network is None or loss is None or fits is None:
        return
    _, finding = _tried("one batch", lambda: _batch(network.eval(), data, loss))
    yield finding
    if finding.state == "wrong":
        return
    study, finding = _tried("study", lambda: _whole(path))
    if study is None:
        yield finding
        return
    yield from _of_study(study)


def _tried(part: str, look: Callable[[], tuple[Found, str]]) -> tuple[Found | None, Finding]:
    """What looking at a part gave, and what is to be said of it."""
    try:
        found, said = look()
    except ExplorerError as error:
        return None, Finding(part, "wrong", str(error))
    return found, Finding(part, "right", sentence(said))


def _data(description: Description, folder: Path, factories: Factories) -> tuple[Samples, str]:
    assert description.data is not None
    data = description.data.load(Place(folder, factories)).samples
    inputs = data.inputs("test", slice(0, 1))
    shapes = ", ".join(f"{path.lstrip('.')} {_shape(each)}".strip() for path, each in leaves(inputs))
    sizes = f"{data.size('train'):,} {training_name(data)} and {data.size('test'):,} test {data.noun.many}"
    form = "they differ in size, the first is" if data.ragged else "each is"
    return data, f"{sizes} of kind {description.data.kind}; {form} {shapes}"


def _shape(tensor: torch.Tensor) -> str:
    return f"{tuple(tensor.shape[1:])} {str(tensor.dtype).removeprefix('torch.')}"


def _of_data(data: Samples) -> Iterator[Finding]:
    remark = remark_on(data)
    if remark is not None:
        yield Finding("data", "note", remark)
    targets = [data.targets(split, slice(0, 1000)) for split in ("train", "test")]
    for split, found in zip(("training", "test"), targets, strict=True):
        if data.classes and torch.is_tensor(found) and found.ndim == 1 and not found.is_floating_point():
            there = len(found.unique())
            if there < len(data.classes):
                of = f"{there} of the {len(data.classes)} classes"
                said = f"the first {len(found):,} {split} {data.noun.many} are of {of}"
                yield Finding("data", "note", said)


def _network(description: Description, factories: Factories) -> tuple[nn.Module, str]:
    assert description.model is not None
    network = network_of(description.model.factory, factories)
    count = sum(parameter.numel() for parameter in network.parameters())
    return network, f"{description.model.factory} builds a {type(network).__name__} of {count:,} parameters"


def _weights(description: Description, folder: Path, network: nn.Module) -> tuple[bool, str]:
    assert description.model is not None
    path = folder / description.model.weights
    tensors = read_weights(path)
    load_into(network, tensors, path.name)
    return True, f"{len(tensors)} tensors of {path.name} fit the network, and all are finite"


def _loss(description: Description, factories: Factories) -> tuple[Loss, str]:
    loss = loss_of(description.loss, factories)
    metric = metric_of(description.task, loss)
    unit = "" if loss.unit == loss.kind else f", in {loss.unit}"
    return loss, f"{loss.kind}{unit}; counted beside it: {metric.name}"


def _batch(network: nn.Module, data: Samples, loss: Loss) -> tuple[bool, str]:
    check_forward(network, data, loss)
    rows = slice(0, 1 if data.ragged else 8)
    with torch.no_grad():
        outputs = network(data.inputs("test", rows))
        value = loss.per_sample(outputs, data.targets("test", rows))
    shapes = ", ".join(
        f"{path.lstrip('.')} {tuple(each.shape[1:])}".strip() for path, each in leaves(outputs)
    )
    said = f"the network gives {shapes} for one {data.noun.one}; "
    said += f"the mean loss of {len(value)} is {float(value.mean()):.4g}"
    classes = len(data.classes)
    if loss.kind == "cross_entropy" and classes > 1:
        said += f", and guessing among {classes} classes has {math.log(classes):.4g}"
    return True, said


def _whole(path: Path) -> tuple[Study, str]:
    study = require_network(load_toml(path, reference=str(path.resolve())))
    study.blocks()
    return study, "loads"


def _of_study(study: Study) -> Iterator[Finding]:
    blocks = study.blocks()
    weights = sum(block.weights for block in blocks)
    kinds = sorted({block.layers[0].kind for block in blocks})
    yield Finding("blocks", "right", f"{len(blocks)} blocks of {weights:,} weights: {', '.join(kinds)}")
    unused = [block.name for block in blocks if not any(layer.input_shape for layer in block.layers)]
    if unused:
        said = f"no forward pass reaches {_listed(unused)}, so no trace and no step can be found there"
        yield Finding("blocks", "note", said)
    for said in unquantized(study.model(), blocks):
        yield Finding("not quantized", "note", said)
    metric = study.metric.per_sample(*_outputs(study))
    if metric is None:
        said = (
            f"{study.metric.name} cannot be told from these outputs and targets, so the loss alone is shown"
        )
        yield Finding("metric", "note", said)
    if study.remark is not None and remark_on(study.data) != study.remark:
        yield Finding("network", "note", study.remark)
    yield Finding("identity", "right", f"its results are kept under the fingerprint {study.fingerprint[:12]}")


def _outputs(study: Study) -> tuple[Any, Any]:
    with torch.no_grad():
        return study.model()(study.data.inputs("test", slice(0, 1))), study.data.targets("test", slice(0, 1))


def unquantized(model: nn.Module, blocks: Sequence[Block]) -> Iterator[str]:
    """Sentences about the parameters that no block has, and why."""
    held = {name for block in blocks for name in block.parameters}
    owned = {
        id(parameter) for name, parameter in model.named_parameters(remove_duplicate=False) if name in held
    }
    left = [(name, each) for name, each in model.named_parameters() if id(each) not in owned]
    flat = [(name, each) for name, each in left if each.ndim < 2]
    if flat:
        count = sum(each.numel() for _, each in flat)
        yield f"{count:,} biases, scales and other single values a channel stay in FP32, as in the papers"
    others = [(name, each) for name, each in left if each.ndim >= 2]
    for name, each in others[:_LISTED]:
        owner = type(model.get_submodule(name.rpartition(".")[0])).__name__
        yield (
            f"{name} of a {owner} ({each.numel():,} values) stays in FP32: no convolution, linear layer or embedding "
            "reads it as its weight"
        )
    if len(others) > _LISTED:
        yield f"{len(others) - _LISTED} further parameters stay in FP32 for the same reason"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
