"""Any state dict as named tensors and plain JSON, and back.

torch keeps the state of an optimizer or a schedule in nested containers with keys of several types: tensors, numbers
and tuples side by side. A checkpoint holds tensors (as safetensors) apart from plain data with string keys, so

    {0: tensor, "betas": (0.9, 0.999)}
    -> {"name.0": tensor},  ["dict", [[0, ["tensor", "name.0"]], ["betas", ["tuple", [0.9, 0.999]]]]]

Every container becomes a pair of its kind and its members; None, booleans, numbers and strings stay as they are.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from explorer.errors import RunError

_PLAIN = (bool, int, float, str)


def flatten(value: Any, name: str) -> tuple[dict[str, Tensor], Any]:
    """The tensors inside ``value``, called ``name.0``, ``name.1``, ..., and the rest with their names in their places.

    Raises:
        RunError: something in it is neither a tensor, nor plain, nor a container of such.
    """
    tensors: dict[str, Tensor] = {}
    return tensors, _flat(value, name, tensors)


def unflatten(tensors: Mapping[str, Tensor], plain: Any) -> Any:
    """What `flatten` was given, in tensors of its own."""
    if not isinstance(plain, list):
        return plain
    kind, content = plain
    if kind == "tensor":
        return tensors[content].clone()  # an optimizer goes on in the very tensors it is given
    if kind == "dict":
        return {key: unflatten(tensors, value) for key, value in content}
    members = [unflatten(tensors, value) for value in content]
    return tuple(members) if kind == "tuple" else members


def _flat(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, Tensor):
        key = f"{name}.{len(tensors)}"
        tensors[key] = value
        return ["tensor", key]
    if isinstance(value, Mapping):
        for key in value:
            if type(key) not in (int, str):
                raise RunError(f"the state {name!r} has the key {key!r}; make it a string or a whole number")
        return ["dict", [[key, _flat(each, name, tensors)] for key, each in value.items()]]
    if type(value) in (list, tuple):
        return [type(value).__name__, [_flat(each, name, tensors) for each in value]]
    raise RunError(
        f"the state {name!r} holds a {type(value).__name__}, which a checkpoint cannot keep; turn it into tensors, "
        "numbers, strings, lists or dicts"
    )
