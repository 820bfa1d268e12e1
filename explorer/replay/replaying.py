r"""Running a network again and again while only some of its layers change.

What a forward pass does before it first touches a changed layer is the same every time. It is computed once a
batch and replayed: of the module calls that had finished by then, the outermost ones return what they returned
before; everything else, functional operations included, is computed as always. So the outputs are those of the
full forward pass to the bit.

Of the kept results only those are held in memory that something reads which is not replaced; NaN of zero bytes
stands in for the others. A result that a later operation writes into is handed out as a copy. The first batch is
replayed once for a check: where that is not equal to the bit (a network with randomness, say) nothing is
replaced, and ``reason`` says so. The network must be in eval mode. Nothing here is thread-safe.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from explorer.replay.observing import Key, Observation, Structure, observe, patched, tensors_of

MOST_BYTES = 2**29


class Replay:
    """A network in which ``changed`` may change between forward passes, and nothing else.

    Args:
        model: in eval mode; patched while it runs, never copied.
        changed: modules, with all they contain, or single tensors. Change them in place.
        most_bytes: of the kept results of all batches together; batches beyond it are computed in full.

    Attributes:
        reason: why nothing, or not every batch, is replayed; None while everything is.
        share: the part of a forward pass's multiply-accumulates that a replay computes.
        kept_bytes: memory held.
        forwards: forward passes so far, in full or replayed.
        calls_skipped: module calls that replays left out.
        samples_computed: work done, in full forward passes of one sample each, recording and checks included.
    """

    def __init__(
        self, model: nn.Module, changed: Iterable[nn.Module | Tensor], *, most_bytes: int = MOST_BYTES
    ) -> None:
        self.model = model
        self.most_bytes = most_bytes
        self.reason = _obstacle(model)
        self.kept_bytes = 0
        self.forwards = 0
        self.calls_skipped = 0
        self.samples_computed = 0.0
        self._changed = tuple(changed)
        self._observed: Observation | None = None
        self._structure = Structure(tuple(model.modules()))
        self._excluded: set[Key] = set()
        self._copied: set[Key] = set()
        self._course: tuple[int, ...] = ()

    @property
    def share(self) -> float:
        """The part of a forward pass's multiply-accumulates that a replay computes."""
        return self._structure.share

    def batch(self, *args: Any, **kwargs: Any) -> "Batch":
        """Compute one batch in full, ``Batch.recorded``, and keep what its replays need."""
        with torch.inference_mode(False), torch.no_grad():
            args, kwargs = pytree.tree_map_only(Tensor, _ordinary, (args, kwargs))
            if self._observed is not None or self.reason is not None:
                return Batch(self, args, kwargs)
            self._observed = observe(self.model, self._changed, *_copies((args, kwargs)))
            self.samples_computed += _samples(args, kwargs)
            self._structure = self._observed.structure()
            if not self._structure.kept:
                self.reason = "nothing comes before the first changed layer"
            return self._checked(args, kwargs)

    def _checked(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> "Batch":
        """The first batch, once a replay of it was seen to be the same to the bit."""
        assert self._observed is not None
        while True:
            first = Batch(self, args, kwargs)
            if not first.replayed:
                return first
            again, failure = None, None
            if not first.written:  # by the rest of the recorded pass
                replaced = first.replaced()
                try:
                    again = first.run(replaced)
                except (
                    Exception
                ) as error:  # a person's own forward may raise anything where parts of it are left out
                    failure = error
            written = first.written
            if not written:
                break
            first.forget()
            self._excluded |= {key for key in written if key in self._structure.aliases}
            self._copied |= written
            self._structure = self._observed.structure(self._excluded)
        self._course = first.course
        if failure is not None:
            self.reason = f"the network cannot run with parts of it left out: {_named(failure)}"
        elif not _same_bits(first.recorded, again):
            self.reason = "the network does not compute the same twice"
        if self.reason is not None:
            first.forget()
            self._structure = Structure(self._structure.modules)
        return first


@dataclass(frozen=True)
class _Kept:
    """One kept result, its leaves and their versions when it was returned."""

    leaves: tuple[Any, ...]
    form: Any
    versions: tuple[int, ...]
    copied: bool

    def result(self) -> Any:
        leaves = [leaf.clone() if self.copied and torch.is_tensor(leaf) else leaf for leaf in self.leaves]
        return pytree.tree_unflatten(leaves, self.form)

    @property
    def written(self) -> bool:
        return self.versions != _versions(self.leaves)


class Batch:
    """One recorded batch.

    Attributes:
        recorded: the outputs when it was recorded.
        course: the modules in the order in which they were called.
    """

    def __init__(self, replay: Replay, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self._replay = replay
        self._structure = replay._structure
        self._inputs = (args, kwargs)
        self._samples = _samples(args, kwargs)
        self._kept: dict[Key, _Kept] = {}
        self._bytes = 0
        self.course: tuple[int, ...] = ()
        self.recorded = self._record()

    @property
    def replayed(self) -> bool:
        """Whether `outputs` leaves anything out."""
        return bool(self._kept)

    @property
    def written(self) -> set[Key]:
        """Kept results that something has written into since."""
        return {key for key, kept in self._kept.items() if kept.written}

    def outputs(self) -> Any:
        """The network's outputs with the changed layers as they are now."""
        with torch.inference_mode(False), torch.no_grad():
            if self.written:  # by whoever got a kept tensor as an output, or by another course of the network
                self.forget()
            if not self._kept:
                return self._run({})
            return self.run(self.replaced())

    def run(self, replaced: Mapping[nn.Module, Callable[..., Any]]) -> Any:
        """One forward pass of the network with the forwards that `replaced` gave."""
        self._replay.calls_skipped += self._structure.skipped
        return self._run(replaced, self._structure.share)

    def replaced(self) -> dict[nn.Module, Callable[..., Any]]:
        """Forwards that return what was kept, good for one forward pass."""
        modules = self._structure.modules
        return {
            modules[index]: self._replacing(modules[index].forward, keys)
            for index, keys in self._structure.order.items()
        }

    def forget(self) -> None:
        """Let go of what was kept; from now on the batch is computed in full."""
        self._replay.kept_bytes -= self._bytes
        self._kept, self._bytes = {}, 0

    def _run(self, forwards: Mapping[nn.Module, Callable[..., Any]], share: float = 1.0) -> Any:
        replay = self._replay
        replay.forwards += 1
        replay.samples_computed += share * self._samples
        args, kwargs = _copies(self._inputs) if self._structure.writes_inputs else self._inputs
        with patched(forwards):
            return replay.model(*args, **kwargs)

    def _record(self) -> Any:
        replay, structure = self._replay, self._structure
        if not structure.kept:
            return self._run({})
        course: list[int] = []
        counts = [0] * len(structure.modules)
        forwards = {
            module: self._recording(index, module.forward, course, counts)
            for index, module in enumerate(structure.modules)
        }
        found = self._run(forwards)
        self.course = tuple(course)
        if replay._course and self.course != replay._course:
            replay.reason = "the network takes another course for other inputs"
        elif self._bytes + replay.kept_bytes > replay.most_bytes:
            megabytes = replay.most_bytes / 2**20
            replay.reason = f"what comes before the first changed layer needs more than {megabytes:.0f} MiB"
        elif len(self._kept) == len(structure.kept) and not (replay._course and self.written):
            replay.kept_bytes += self._bytes
            return found
        self._kept, self._bytes = {}, 0
        return found

    def _recording(
        self, index: int, forward: Callable[..., Any], course: list[int], counts: list[int]
    ) -> Callable[..., Any]:
        def recorded(*args: Any, **kwargs: Any) -> Any:
            course.append(index)
            key = (index, counts[index])
            counts[index] += 1
            output = forward(*args, **kwargs)
            if key in self._structure.kept:
                self._keep(key, output)
            return output

        return recorded

    def _keep(self, key: Key, output: Any) -> None:
        if self._bytes + self._replay.kept_bytes > self._replay.most_bytes:
            return
        copied = key in self._replay._copied
        leaves, form = pytree.tree_flatten(output)
        if not self._structure.kept[key]:
            leaves = [_stand_in(leaf) if torch.is_tensor(leaf) else leaf for leaf in leaves]
        elif copied:
            leaves = [leaf.clone() if torch.is_tensor(leaf) else leaf for leaf in leaves]
        self._bytes += sum(leaf.untyped_storage().nbytes() for leaf in tensors_of(leaves))
        self._kept[key] = _Kept(tuple(leaves), form, _versions(leaves), copied)

    def _replacing(self, forward: Callable[..., Any], keys: tuple[Key | None, ...]) -> Callable[..., Any]:
        following = iter([None if key is None else self._kept[key] for key in keys])

        def replaced(*args: Any, **kwargs: Any) -> Any:
            kept = next(following, None)
            return forward(*args, **kwargs) if kept is None else kept.result()

        return replaced


def _obstacle(model: nn.Module) -> str | None:
    for module in model.modules():
        if module.training:
            return "the network is in training mode"
        if isinstance(module, torch.jit.ScriptModule) or type(module).__name__ == "OptimizedModule":
            return "the network is compiled"
    return None


def _named(error: Exception) -> str:
    """An error's type and the first line of what it says."""
    said = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _stand_in(tensor: Tensor) -> Tensor:
    """A tensor of the same description and next to no memory, whose use would be seen."""
    floats = tensor.is_floating_point() or tensor.is_complex()
    value = float("nan") if floats else torch.iinfo(tensor.dtype).max if tensor.dtype != torch.bool else True
    return torch.full((), value, dtype=tensor.dtype, device=tensor.device).expand(tensor.shape)


def _ordinary(tensor: Tensor) -> Tensor:
    """Inference tensors do not count what is written into them."""
    return tensor.clone() if tensor.is_inference() else tensor


def _copies(inputs: tuple[tuple[Any, ...], Mapping[str, Any]]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    args, kwargs = pytree.tree_map_only(Tensor, torch.clone, inputs)
    return args, dict(kwargs)


def _samples(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    first = next(iter(tensors_of(args, kwargs)), None)
    return 1 if first is None or first.ndim == 0 else len(first)


def _versions(leaves: Iterable[Any]) -> tuple[int, ...]:
    return tuple(leaf._version for leaf in leaves if torch.is_tensor(leaf))


def _same_bits(one: Any, other: Any) -> bool:
    ours, form = pytree.tree_flatten(one)
    theirs, other_form = pytree.tree_flatten(other)
    return form == other_form and all(_same(a, b) for a, b in zip(ours, theirs, strict=True))


def _same(a: Any, b: Any) -> bool:
    if not (torch.is_tensor(a) and torch.is_tensor(b)):
        return type(a) is type(b) and bool(a == b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return bool(((a == b) | ((a != a) & (b != b))).all())
