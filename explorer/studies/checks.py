"""Checks of a study before anything long is computed on it: do network, data and loss fit each other?"""

from typing import Any

import torch
from torch import nn

from explorer.errors import StudyError
from explorer.studies.data.datasets import DatasetSamples
from explorer.studies.data.samples import Samples, tensors_of
from explorer.studies.losses import KINDS, Loss


def check_forward(network: nn.Module, data: Samples, loss: Loss) -> None:
    """Run two samples (one if they differ in size) through network and loss, to find a mismatch before anything long.

    Raises:
        StudyError: the network cannot take the data's inputs, or the loss cannot take its outputs.
    """
    inputs, targets = _first(data)
    try:
        with torch.no_grad():
            outputs = network(inputs)
    except Exception as error:  # a person's own forward may raise anything
        shape = f" of shape {tuple(inputs.shape[1:])}" if torch.is_tensor(inputs) else ""
        raise StudyError(f"the network cannot take {data.noun.many}{shape}: {_first_line(error)}") from error
    if not torch.is_tensor(outputs):
        if loss.function is None:
            raise StudyError(
                f"the network returns a {type(outputs).__name__} and the loss {loss.kind} takes one tensor; "
                f"give [loss] kind a factory whose loss takes what the network returns"
            )
        _check_loss(outputs, targets, loss, data)
        _check_others(network, data, inputs)
        return
    classes = len(data.classes)
    rows = outputs.ndim == 2 and (loss.kind == "cross_entropy" or outputs.shape[1] > 1)
    one_of_many = loss.kind in KINDS and torch.is_tensor(targets) and not targets.is_floating_point()
    if (loss.kind == "cross_entropy" and not rows) or (one_of_many and rows and outputs.shape[1] < classes):
        raise StudyError(
            f"the network gives outputs of shape {tuple(outputs.shape[1:])} and the labels go up to "
            f"{classes - 1}; the factory must build a network with {classes} outputs"
        )
    _check_loss(outputs, targets, loss, data)
    _check_others(network, data, inputs)


def check_same(network: nn.Module, folded: nn.Module, data: Samples, loss: Loss) -> None:
    """Compare outputs and losses of two samples: what a graph does not show is the shape of what runs through it.

    Raises:
        StudyError: folding changed them by more than rounding can.
    """
    inputs, targets = _first(data)
    with torch.no_grad():
        plain, other = network(inputs), folded(inputs)
        before, after = loss.per_sample(plain, targets), loss.per_sample(other, targets)
    same = torch.allclose(after, before, rtol=1e-3, atol=1e-3)
    if torch.is_tensor(plain):
        same = same and torch.allclose(other, plain, rtol=1e-3, atol=1e-3 * float(plain.abs().max()))
    if not same:
        raise StudyError(
            f"folding the batch normalisations changes what the network says of the first test {data.noun.many} "
            f"(losses of {before.tolist()} become {after.tolist()}); use the network without [model] fold_batch_norms"
        )


def _check_others(network: nn.Module, data: Samples, inputs: Any) -> None:
    """Run a training sample too where it has other shapes than the test's, and those that ask most of a network."""
    if not data.train_is_test and not data.ragged:
        first = data.inputs("train", slice(0, 1))
        if _shapes(first) != _shapes(inputs):
            try:
                with torch.no_grad():
                    network(first)
            except Exception as error:  # a person's own forward may raise anything
                shapes = ", ".join(map(str, _shapes(first)))
                raise StudyError(
                    f"the network takes the test {data.noun.many} and cannot take the training {data.noun.many}, of "
                    f"shape {shapes}: {_first_line(error)}"
                ) from error
    _check_telling(network, data)


def _shapes(inputs: Any) -> list[tuple[int, ...]]:
    return [tuple(each.shape[1:]) for each in tensors_of(inputs)]


def _check_telling(network: nn.Module, data: Samples) -> None:
    """Run the samples that ask most of a network, such as the highest number of a token or a user."""
    if not isinstance(data, DatasetSamples):
        return
    for split, rows in data.telling.items():
        for row in rows:
            try:
                with torch.no_grad():
                    network(data.inputs(split, slice(row, row + 1)))
            except Exception as error:  # a person's own forward may raise anything
                raise StudyError(
                    f"the network cannot take {split} {data.noun.one} {row}, which has the highest number of all: "
                    f"{_first_line(error)}; are there more tokens, users or items than embeddings?"
                ) from error


def _first(data: Samples) -> tuple[Any, Any]:
    rows = slice(0, 1 if data.ragged else 2)
    return data.inputs("test", rows), data.targets("test", rows)


def _check_loss(outputs: Any, targets: Any, loss: Loss, data: Samples) -> None:
    try:
        value = loss.per_sample(outputs, targets)
    except StudyError:
        raise
    except Exception as error:
        raise StudyError(
            f"the loss {loss.kind} cannot take the network's outputs: {_first_line(error)}"
        ) from error
    if not torch.isfinite(value).all():
        raise StudyError(
            f"the loss of the first test {data.noun.many} is {value.tolist()}; check the weights and [data] mean/std"
        )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
