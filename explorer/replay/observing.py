r"""What a forward pass does before it first touches a changed layer, seen on one batch.

Every module call is recorded, and every torch function. The first touch is the start of the first call of a
changed module, or the first torch function that is given a changed tensor: a tied weight, or one that its parent
uses without calling the layer, as attention does. A call that had finished by then is *unaffected*.

An unaffected call can be replaced by what it returned unless it wrote into its own arguments, buffers or
parameters, or returned something that is not made of tensors and plain values. Of those calls the outermost are
*kept*. A kept result is *needed* if a torch function outside the kept calls reads it, or it is part of the
outputs.
"""

import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

Key = tuple[int, int]  # a module, by its place in model.modules(), and how manieth call of it this is

# They read a description of a tensor and none of its values; `stride` and its like are not among them, because a
# stand-in has other strides.
_DESCRIPTIONS = {
    *(
        "shape",
        "dtype",
        "device",
        "ndim",
        "layout",
        "requires_grad",
        "is_leaf",
        "is_cuda",
        "is_cpu",
        "is_sparse",
    ),
    *(
        "is_quantized",
        "is_meta",
        "itemsize",
        "size",
        "dim",
        "ndimension",
        "numel",
        "nelement",
        "element_size",
    ),
    *("is_floating_point", "is_complex", "get_device", "__len__"),
}
_PLAIN = (Tensor, int, float, complex, bool, str, type(None), torch.dtype, torch.device)


@dataclass
class Call:
    """One call of one module.

    Attributes:
        key: which.
        parent: index of the call it happened in.
        unaffected: it had finished before the first touch.
        replaceable: it wrote into nothing that existed before, and its result can be kept.
        aliases: its result shares memory with its arguments.
        needed: something that would not be replaced reads its result.
        flops: floating-point operations, those of calls within included.
    """

    key: Key
    parent: int | None
    unaffected: bool = False
    replaceable: bool = True
    aliases: bool = False
    readers: set[int | None] = field(default_factory=set)
    flops: int = 0


@dataclass(frozen=True)
class Structure:
    """What to keep of a forward pass.

    Attributes:
        modules: all modules of the network, each once.
        kept: which calls to keep, and whether their results are needed.
        order: module to its calls in the order in which a replay comes to them; None for one that is computed.
        aliases: kept calls whose result shares memory with their arguments.
        share: the part of the floating-point operations that is left.
        skipped: module calls that a replay leaves out.
        writes_inputs: the network writes into its inputs.
    """

    modules: tuple[nn.Module, ...]
    kept: Mapping[Key, bool] = field(default_factory=dict)
    order: Mapping[int, tuple[Key | None, ...]] = field(default_factory=dict)
    aliases: frozenset[Key] = frozenset()
    share: float = 1.0
    skipped: int = 0
    writes_inputs: bool = False


@dataclass(frozen=True)
class Observation:
    """All calls of one forward pass, in the order in which they began."""

    modules: tuple[nn.Module, ...]
    calls: tuple[Call, ...]
    writes_inputs: bool

    def structure(self, excluded: Collection[Key] = ()) -> Structure:
        """What to keep if the ``excluded`` calls are computed."""
        inside: list[int | None] = []  # the kept call that each call is, or is part of
        for index, call in enumerate(self.calls):
            outer = None if call.parent is None else inside[call.parent]
            good = call.unaffected and call.replaceable and call.key not in excluded
            inside.append(outer if outer is not None else index if good else None)
        kept = {
            call.key: any(reader is None or inside[reader] is None for reader in call.readers)
            for index, call in enumerate(self.calls)
            if inside[index] == index
        }
        order: dict[int, list[Key | None]] = {}
        for index, call in enumerate(self.calls):
            if inside[index] in (index, None):
                order.setdefault(call.key[0], []).append(call.key if call.key in kept else None)
        total = self.calls[0].flops
        saved = sum(call.flops for call in self.calls if call.key in kept)
        return Structure(
            modules=self.modules,
            kept=kept,
            order={module: tuple(keys) for module, keys in order.items() if any(keys)},
            aliases=frozenset(call.key for call in self.calls if call.aliases and call.key in kept),
            share=1 - saved / total if total else 1.0,
            skipped=sum(outer is not None for outer in inside),
            writes_inputs=self.writes_inputs,
        )


def observe(
    model: nn.Module,
    changed: Iterable[nn.Module | Tensor],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Observation:
    """Run the network once, without gradients, and see what it does."""
    modules = tuple(model.modules())
    log = _Log(modules, tuple(changed))
    watching = {module: log.watching(index, module) for index, module in enumerate(modules)}
    with patched(watching), log.flops, log:
        outputs = model(*args, **kwargs)
    for leaf in tensors_of(outputs):
        log.read(leaf, None)
    return Observation(modules, tuple(log.calls), log.writes_inputs)


@contextmanager
def patched(forwards: Mapping[nn.Module, Callable[..., Any]]) -> Iterator[None]:
    """Give modules another forward for a while. Hooks stay what they are, and are called."""
    before: dict[nn.Module, Any] = {module: vars(module).get("forward") for module in forwards}
    try:
        for module, forward in forwards.items():
            vars(module)["forward"] = forward
        yield
    finally:
        for module, forward in before.items():
            vars(module).pop("forward", None)
            if forward is not None:
                vars(module)["forward"] = forward


def tensors_of(*values: Any) -> list[Tensor]:
    """The tensors in nested tuples, lists and dictionaries."""
    return [leaf for leaf in pytree.tree_leaves(values) if isinstance(leaf, Tensor)]


class _Log(TorchFunctionMode):
    """Writes down calls and torch functions while a network runs."""

    def __init__(self, modules: tuple[nn.Module, ...], changed: tuple[nn.Module | Tensor, ...]) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.writes_inputs = False
        self.flops = _Flops()
        self._modules = modules
        parts = [part for each in changed if isinstance(each, nn.Module) for part in each.modules()]
        self._changed_modules = {id(part) for part in parts}
        own = [tensor for part in parts for tensor in _state_of(part)]
        tensors = own + [each for each in changed if isinstance(each, Tensor)]
        self._changed_memory = {_memory(tensor) for tensor in tensors} - {0}
        self._touched = False
        self._stack: list[int] = []
        self._counts = [0] * len(modules)
        self._makers: dict[int, tuple[weakref.ref[Tensor], list[int]]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if _name(func) not in _DESCRIPTIONS:
            with torch._C.DisableTorchFunction():
                reader = self._stack[-1] if self._stack else None
                for tensor in tensors_of(args, kwargs or {}):
                    self.read(tensor, reader)
                    self._touched = self._touched or _memory(tensor) in self._changed_memory
        return func(*args, **(kwargs or {}))

    def read(self, tensor: Tensor, reader: int | None) -> None:
        """Note that the call ``reader`` (None: the caller of the network) uses this tensor."""
        reference, makers = self._makers.get(id(tensor), (None, []))
        if reference is not None and reference() is tensor:
            for maker in makers:
                self.calls[maker].readers.add(reader)

    def watching(self, index: int, module: nn.Module) -> Callable[..., Any]:
        """The module's forward, written down."""
        forward = module.forward

        def watched(*args: Any, **kwargs: Any) -> Any:
            with torch._C.DisableTorchFunction():
                number = self._begin(index)
                given = tensors_of(args, kwargs)
                state = [*given, *(tensor for part in module.modules() for tensor in _state_of(part))]
                versions = [tensor._version for tensor in state]
                before = self.flops.total
            output = forward(*args, **kwargs)
            with torch._C.DisableTorchFunction():
                call = self.calls[number]
                call.flops = self.flops.total - before
                written = [
                    tensor._version != version for tensor, version in zip(state, versions, strict=True)
                ]
                leaves = pytree.tree_leaves(output)
                call.replaceable = not any(written) and all(isinstance(leaf, _PLAIN) for leaf in leaves)
                memory = {_memory(tensor) for tensor in state} - {0}
                call.aliases = any(_memory(tensor) in memory for tensor in tensors_of(output))
                if call.parent is None:
                    self.writes_inputs = any(written[: len(given)])
                self._end(number, tensors_of(output))
            return output

        return watched

    def _begin(self, index: int) -> int:
        if id(self._modules[index]) in self._changed_modules:
            self._touched = True
        self.calls.append(Call((index, self._counts[index]), self._stack[-1] if self._stack else None))
        self._counts[index] += 1
        self._stack.append(len(self.calls) - 1)
        return self._stack[-1]

    def _end(self, number: int, results: list[Tensor]) -> None:
        self._stack.pop()
        self.calls[number].unaffected = not self._touched
        for tensor in results:
            reference, makers = self._makers.get(id(tensor), (None, []))
            earlier = makers if reference is not None and reference() is tensor else []
            self._makers[id(tensor)] = (weakref.ref(tensor), [*earlier, number])


class _Flops(TorchDispatchMode):
    """Counts the floating-point operations of products and convolutions.

    As `FlopCounterMode` does, which loads the compiler, and that takes seconds.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        count = flop_registry.get(func.overloadpacket)
        if count is not None:
            self.total += count(*args, **(kwargs or {}), out_val=output)
        return output


def _state_of(module: nn.Module) -> list[Tensor]:
    """The module's own parameters and buffers, without those of modules in it."""
    own = [*module._parameters.values(), *module._buffers.values()]
    return [tensor for tensor in own if tensor is not None]


def _memory(tensor: Tensor) -> int:
    """Where the tensor's values are; 0 for nowhere."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):  # sparse tensors have no one place
        return id(tensor)


def _name(function: Any) -> str:
    if getattr(function, "__name__", "") == "__get__":
        return str(getattr(getattr(function, "__self__", None), "__name__", ""))
    return str(getattr(function, "__name__", ""))
