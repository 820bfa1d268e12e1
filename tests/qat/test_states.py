"""States of optimizers and schedules, whichever they are, as tensors and plain JSON."""

import json
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import Tensor, nn

from explorer.errors import RunError
from explorer.qat.states import flatten, unflatten
from explorer.runs.plain import decode, encode

_leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(),
    st.text(max_size=5),
    st.builds(torch.tensor, st.lists(st.floats(width=32), max_size=3)),
    st.builds(torch.tensor, st.integers(-5, 5)),
)
_keys = st.one_of(st.integers(0, 9), st.text(max_size=3))
_nested = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(_keys, inner, max_size=3),
    ),
    max_leaves=8,
)


def alike(a: Any, b: Any) -> bool:
    """Equal with its types, NaN included, to the bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and bool(((a == b) | (a.isnan() & b.isnan())).all())
    if isinstance(a, dict):
        return list(a) == list(b) and all(alike(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(alike, a, b))
    return bool(a == b) or (isinstance(a, float) and math.isnan(a) and math.isnan(b))


def stored(value: Any) -> Any:
    """What a run's store gives back: safetensors and JSON in between."""
    tensors, plain = flatten(value, "state")
    assert all(isinstance(each, Tensor) for each in tensors.values())
    return unflatten(load(save(tensors)), decode(encode(plain, "state")))


@given(_nested)
def test_whatever_goes_in_comes_back(value: Any) -> None:
    """Keys that are numbers, tuples and numbers that JSON does not have included."""
    assert alike(stored(value), value)


@pytest.mark.parametrize(
    "kind", ["SGD", "AdamW", "Adam", "RMSprop", "Adagrad", "NAdam", "Rprop", "ASGD", "Adadelta"]
)
def test_any_optimizer_of_torch_goes_on_to_the_bit(kind: str) -> None:
    def made() -> tuple[nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(0)
        network = nn.Linear(3, 2)
        groups = [{"params": [network.weight], "lr": 0.1}, {"params": [network.bias], "lr": 0.01}]
        return network, getattr(torch.optim, kind)(groups)

    def steps(network: nn.Module, optimizer: torch.optim.Optimizer, numbers: range) -> None:
        for number in numbers:
            optimizer.zero_grad()
            x = torch.randn(4, 3, generator=torch.Generator().manual_seed(number))
            network(x).square().sum().backward()
            optimizer.step()

    whole, first, second = made(), made(), made()
    steps(*whole, range(6))
    steps(*first, range(3))
    second[0].load_state_dict(stored(first[0].state_dict()))
    second[1].load_state_dict(stored(first[1].state_dict()))
    steps(*second, range(3, 6))
    assert alike(dict(second[0].state_dict()), dict(whole[0].state_dict()))
    assert alike(second[1].state_dict(), whole[1].state_dict())


def test_schedules_of_schedules_come_back() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(2))], lr=0.1)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 5])
    assert stored(schedule.state_dict())["last_epoch"] == 0


@pytest.mark.parametrize(
    ("value", "named"), [({"f": max}, "builtin_function"), ({1.5: 0}, "key 1.5"), ([{1}], "a set")]
)
def test_what_cannot_be_kept_is_named(value: Any, named: str) -> None:
    with pytest.raises(RunError, match=named):
        flatten(value, "optimizer")


def test_the_plain_part_is_plain() -> None:
    tensors, plain = flatten({0: {"step": torch.tensor(1.0), "betas": (0.9, 0.999)}}, "name")
    assert list(tensors) == ["name.0"]
    assert json.loads(json.dumps(plain)) == plain
