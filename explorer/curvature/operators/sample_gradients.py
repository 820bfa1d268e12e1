r"""Squared per-sample gradient norms of all weights, or of all layer inputs, from one ordinary backward pass.

For vectors v_n the backward pass of sum_n v_n . f(x_n) carries, for every layer at once, the gradient of each
sample's own scalar: the samples do not mix. Hooks on the layers' outputs take |d(v_n . f_n)/dW_l|^2 out of
it as it passes (`per_sample`), hooks on their inputs take |d(v_n . f_n)/da_l|^2. No second backward pass is
needed and no gradient of a weight is ever stored.

What the hooks see is compared with ordinary gradients of single samples before anything is trusted; a weight
for which they differ (used outside its module, samples not along the first dimension) is done sample by
sample.
"""

from collections import Counter, defaultdict
from collections.abc import Collection
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node, get_gradient_edge
from torch.utils.hooks import RemovableHandle

from explorer.curvature import mapped_gradients
from explorer.curvature.convolved import Convolved, has_its_own_forward
from explorer.curvature.operators.contractions import depthwise_gradients
from explorer.curvature.operators.per_sample import SUPPORTED, Factors, Unlike, factors, folded, squared_norms
from explorer.curvature.operators.subject import Subject, single_tensor
from explorer.curvature.operators.weight_forms import independent
from explorer.errors import NoSampleGradients
from explorer.studies.data.samples import samples_in, some

_STORED = 64 * 2**20  # floats of gradients kept before they become norms


class _Use:
    """One call of one layer in the current forward pass."""

    def __init__(self, weight: int, module: nn.Module, inputs: Tensor) -> None:
        self.weight = weight
        self.module = module
        self.inputs = inputs
        self.version = inputs._version
        self.padded = False  # the inputs are what a convolution convolved
        self.floats = 0  # in its output
        self.deltas: list[Tensor] = []  # gradients at its output, one a direction


class InputChanged(RuntimeError):
    """The network changed a layer's input in place after using it; inputs must be copied."""


class SampleGradients:
    """Hooks on a subject's network.

    Args:
        subject: its network gets the hooks; call ``close`` to remove them.
        of: ``weights`` or ``activations``.
        like: hooks on the same network that were checked and closed; what they found is known.

    Attributes:
        looped: weights that are done sample by sample.
        mapped: those are mapped over the samples by torch.func (`mapped_gradients`), and not one by one.
        sizes: (weights,) int64, activations of one sample in the latest forward pass, if those are asked for.
    """

    def __init__(self, subject: Subject, of: str, like: "SampleGradients | None" = None) -> None:
        self.subject = subject
        self.of = of
        self.looped: frozenset[int] = frozenset() if like is None else like.looped
        self.mapped: bool = False if like is None else like.mapped
        self.copies: bool = False if like is None else like.copies
        self._uses: list[_Use] = []
        self._alias_nodes: dict[str, list[Node]] = defaultdict(list)
        self._norms: Tensor = torch.empty(0)
        self.sizes = torch.zeros(len(subject.weights), dtype=torch.long)
        self._active = False
        self._checking = False
        self._only: frozenset[int] | None = None  # weights whose gradients are kept; None for all
        self._own_forward = [
            weight.parameter for weight in subject.weights if any(map(has_its_own_forward, weight.modules))
        ]
        self._handles: list[RemovableHandle] = []
        for i, weight in enumerate(subject.weights):
            for module in weight.modules:
                if of == "weights" and not isinstance(module, SUPPORTED):
                    continue  # the comparison finds nothing, and its gradients are taken one by one
                self._handles.append(module.register_forward_pre_hook(self._before(i)))
                if of == "weights":
                    self._handles.append(module.register_forward_hook(self._after(i)))

    def close(self) -> None:
        for handle in self._handles:
            handle.remove()

    def forward(self, inputs: Tensor) -> Tensor:
        """The outputs, with a graph from the layers on; parameters take no gradient."""
        self._uses, self._alias_nodes, self._active = [], defaultdict(list), True
        self.sizes = torch.zeros(len(self.subject.weights), dtype=torch.long)
        try:
            with torch.enable_grad():
                self.subject.model.requires_grad_(False)
                with Convolved(self._own_forward, self._convolved) if self._own_forward else nullcontext():
                    return single_tensor(self.subject.model(inputs))
        finally:
            self.subject.model.requires_grad_(True)
            self._active = False

    def squared_norms(
        self, inputs: Tensor, outputs: Tensor, vectors: Tensor, *, again: bool = False
    ) -> Tensor:
        """sum_v |d(v_n . f_n)/dW_l|^2 (or da_l) for every sample n and weight l, (N, weights) float64.

        Args:
            inputs: what ``outputs`` came from, for the weights that the hooks cannot tell apart by sample.
            vectors: the v, (V, N, C).
            again: keep the graph for another call.
        """
        norms = self._by_hooks(outputs, vectors, again=again)
        if self.looped and self.mapped:
            chosen = sorted(self.looped)
            norms[:, chosen] = mapped_gradients.squared_norms(self.subject, chosen, inputs, vectors)
        elif self.looped:
            chosen = sorted(self.looped)
            for n in range(samples_in(inputs)):
                single = [self._single(some(inputs, slice(n, n + 1)), v[n : n + 1])[chosen] for v in vectors]
                norms[n, chosen] = torch.stack(single).sum(0)
        return norms

    def factors(self, outputs: Tensor, vectors: Tensor, only: Collection[int]) -> dict[int, list[Factors]]:
        """Factors of the gradients d(v_n . f_n)/dW_l of some weights l, for every vector v at once.

        Args:
            outputs: of the latest forward pass, whose graph is used up.
            vectors: the v, (V, N, C); each is a direction of the factors.
            only: the weights wanted, none of them ``looped``.

        Returns:
            one `Factors` a use, by weight; none where the outputs do not depend on it.
        """
        self._norms = torch.zeros(len(outputs), len(self.subject.weights), dtype=torch.float64)
        if not outputs.requires_grad:
            return {}
        self._only = frozenset(only)
        try:
            for i, vector in enumerate(vectors.to(outputs.dtype).view(len(vectors), *outputs.shape)):
                torch.autograd.backward(outputs, vector, retain_graph=i + 1 < len(vectors))
            return self._made()
        finally:
            self._only = None

    def _by_hooks(self, outputs: Tensor, vectors: Tensor, *, again: bool = False) -> Tensor:
        self._norms = torch.zeros(len(outputs), len(self.subject.weights), dtype=torch.float64)
        if not outputs.requires_grad:
            return self._norms
        each = sum(use.floats for use in self._uses)
        together = max(1, _STORED // max(1, each)) if self._stackable() else 1
        vectors = vectors.to(outputs.dtype).view(len(vectors), *outputs.shape)
        for i, vector in enumerate(vectors):
            last = i + 1 == len(vectors)
            torch.autograd.backward(outputs, vector, retain_graph=again or not last)
            if last or (i + 1) % together == 0:
                self._collect()
        return self._norms

    def _stackable(self) -> bool:
        """Whether the uses of each weight are of one kind of layer, so that directions can be stacked."""
        kinds: dict[int, set[type]] = defaultdict(set)
        for use in self._uses:
            kinds[use.weight].add(next(kind for kind in SUPPORTED if isinstance(use.module, kind)))
        return all(len(found) == 1 for found in kinds.values())

    def _collect(self) -> None:
        """Turn the gradients that the hooks kept into squared norms."""
        for use in self._alone():
            norms = _depthwise_norms(use, len(self._norms))
            if norms is not None:
                self._norms[:, use.weight] += norms.double().cpu()
                use.deltas = []
        for i, found in self._made().items():
            self._norms[:, i] += squared_norms(found).double().cpu()

    def _alone(self) -> list[_Use]:
        """Uses of weights that are used once in a forward pass, and whose inputs are as they were."""
        counts = Counter(use.weight for use in self._uses)
        return [
            use
            for use in self._uses
            if counts[use.weight] == 1 and use.deltas and use.inputs._version == use.version
        ]

    def _made(self) -> dict[int, list[Factors]]:
        """Factors of the gradients that the hooks kept, by weight."""
        uses: dict[int, list[Factors]] = defaultdict(list)
        for use in self._uses:
            deltas, use.deltas = use.deltas, []
            if not deltas:
                continue
            if use.inputs._version != use.version:
                raise InputChanged
            try:
                made = folded(factors(use.module, use.inputs, deltas, padded=use.padded), len(self._norms))
            except RuntimeError as error:
                if self._checking:  # an unusual layout: the comparison that follows will see it
                    continue
                if isinstance(error, Unlike):
                    raise self._unlike(use) from error
                raise
            uses[use.weight].append(made)
        return uses

    def check(self, inputs: Tensor, vectors: Tensor) -> None:
        """Compare with single samples on a few of them, and note what needs the loop.

        Raises:
            CurvatureError: the outputs do not depend on a block.
        """
        self._checking = True
        try:
            found = self._by_hooks(self.forward(inputs), vectors.unsqueeze(0))
        except InputChanged:
            self.copies = True
            found = self._by_hooks(self.forward(inputs), vectors.unsqueeze(0))
        finally:
            self._checking = False
        expected = torch.stack(
            [
                self._single(some(inputs, slice(n, n + 1)), vectors[n : n + 1])
                for n in range(samples_in(inputs))
            ]
        )
        tolerance = 1e-3 if self.subject.dtype == torch.float32 else 1e-8
        # Scale by the layer's largest norm: a sample whose gradient vanishes has only rounding to compare.
        tiny = torch.finfo(torch.float64).tiny
        close = (found - expected).abs() <= tolerance * expected.amax(0).clamp(min=tiny)
        self.looped = frozenset(int(i) for i in torch.nonzero(~close.all(0)).flatten())
        self.mapped = (
            bool(self.looped) and self.of == "weights" and self._can_be_mapped(inputs, vectors, expected)
        )

    def _can_be_mapped(self, inputs: Tensor, vectors: Tensor, expected: Tensor) -> bool:
        chosen = sorted(self.looped)
        try:
            found = mapped_gradients.squared_norms(self.subject, chosen, inputs, vectors.unsqueeze(0))
        except Exception:  # a person's own forward may raise anything where it is mapped
            return False
        return torch.allclose(
            found, expected[:, chosen], rtol=1e-3 if self.subject.dtype == torch.float32 else 1e-8
        )

    def _single(self, inputs: Tensor, vectors: Tensor) -> Tensor:
        """Squared norms of one sample, (weights,), without any assumption about layouts."""
        if self.of == "activations":
            return self._by_hooks(self.forward(inputs), vectors.unsqueeze(0))[0]
        parameters = [weight.parameter for weight in self.subject.weights]
        with torch.enable_grad():
            outputs = single_tensor(self.subject.model(inputs))
            scalar = (outputs * vectors.to(outputs.dtype).view_as(outputs)).sum()
        if not scalar.requires_grad:
            raise independent(self.subject, 0)
        gradients = torch.autograd.grad(scalar, parameters, allow_unused=True)
        for i, gradient in enumerate(gradients):
            if gradient is None:
                raise independent(self.subject, i)
        return torch.stack([g.double().square().sum() for g in gradients if g is not None]).cpu()

    def nodes(self, outputs_of: Tensor) -> tuple[Tensor, dict[str, list[Node]]]:
        """A forward pass with a graph from every variable, and the variables' nodes by weight index."""
        self._alias_nodes, self._active = defaultdict(list), self.of == "activations"
        try:
            with torch.enable_grad():
                outputs = single_tensor(self.subject.model(outputs_of))
        finally:
            self._active = False
        if self.of == "activations":
            return outputs, dict(self._alias_nodes)
        edges = {
            str(i): [get_gradient_edge(weight.parameter).node]
            for i, weight in enumerate(self.subject.weights)
        }
        return outputs, edges

    def _before(self, index: int) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...]) -> Any:
            if not self._active or not args or not torch.is_tensor(args[0]):
                return None
            x = args[0]
            if self.of == "weights":
                self._uses.append(_Use(index, module, x.detach().clone() if self.copies else x.detach()))
                return None
            if not x.is_floating_point():
                return None
            self.sizes[index] += x.numel() // len(x)
            # An alias is this layer's own view of its input: what another layer reads of it does not count.
            alias = x.detach().requires_grad_(True).clone() if not x.requires_grad else x.view_as(x)
            if alias.grad_fn is not None:
                self._alias_nodes[str(index)].append(alias.grad_fn)
            alias.register_hook(lambda delta: self._take_activation(index, delta))
            return (alias, *args[1:])

        return hook

    def _after(self, index: int) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
            if not self._active or not self._uses:
                return None
            use = next((u for u in reversed(self._uses) if u.module is module), None)
            if use is None or not torch.is_tensor(output):
                return None
            if not output.requires_grad:  # the first layer: nothing before it needs a gradient
                output = output.detach().requires_grad_(True).clone()
            use.floats = output.numel()
            output.register_hook(lambda delta: self._take_weight(use, delta))
            return output

        return hook

    def _convolved(self, weight: Tensor, inputs: Tensor) -> None:
        """A convolution with a forward of its own: what it convolves goes in place of what it was given."""
        for use in reversed(self._uses):
            if self.subject.weights[use.weight].parameter is weight and not use.padded:
                inputs = inputs.clone() if self.copies else inputs
                use.inputs, use.version, use.padded = inputs, inputs._version, True
                return

    def _unlike(self, use: _Use) -> NoSampleGradients:
        block = self.subject.blocks[self.subject.weights[use.weight].block].name
        return NoSampleGradients(
            f"block {block}: its {type(use.module).__name__} computes some samples in another way than the first "
            f"ones, so its gradients cannot be told apart by sample"
        )

    def _take_activation(self, index: int, delta: Tensor) -> None:
        n = len(self._norms)
        if len(delta) == n or n == 1 or delta.numel() % n == 0:  # `check` finds a layout that this gets wrong
            self._norms[:, index] += delta.reshape(n, -1).square().sum(1).double().cpu()

    def _take_weight(self, use: _Use, delta: Tensor) -> None:
        if self._only is not None and use.weight not in self._only:
            return
        if use.weight not in self.looped and len(use.inputs) % len(self._norms) == 0:
            use.deltas.append(delta)


def _depthwise_norms(use: _Use, samples: int) -> Tensor | None:
    """sum_v |d(v_n . f_n)/dW|^2 of a depthwise layer's only use, (samples,); None where that is not what it is."""
    if len(use.inputs) != samples:
        return None
    total: Tensor | None = None
    for delta in use.deltas:
        try:
            found = depthwise_gradients(use.module, use.inputs, delta, padded=use.padded)
        except RuntimeError:  # it does not compute its output as its kind of layer does
            return None
        if found is None:
            return None
        squares = found.square().sum(1)
        total = squares if total is None else total + squares
    return total
