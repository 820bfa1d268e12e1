r"""The Hessian of the loss on a fixed set of samples, as a linear operator.

H = sum_n w_n d^2 l_n / dW_i^2 over the weights of one block, or of all blocks together, known only through
its products with vectors (Pearlmutter 1994): Hv = d(g . v)/dW with g = sum_n w_n dl_n/dW. Nothing is
approximated: the matrix is the full Hessian, not Gauss-Newton's. A vector is flat, of length dim = sum of the
numel of the block's weights, in the order of the blocks. The graph of g is recorded from the block on and, for
the first chunks, kept, so that a further product is one backward pass through it.

The forms of the samples, v . H_n v, are the derivatives of v . Hv = sum_n w_n v . H_n v by the weights w_n:
one more backward pass for all samples of a chunk. Forward mode would be as cheap, but nested it is silently
wrong for some operations (layer norm in torch 2.13); here the sum over the chunk is known, since v . Hv is
linear in the w_n, and where it does not come out the forms are taken sample by sample.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from explorer.curvature.operators.subject import Subject
from explorer.curvature.operators.weight_forms import full_loss, gradient_graph, products_of, vector_products
from explorer.errors import CurvatureError
from explorer.randomness import Stream, drawn_rows, generator
from explorer.studies.data.samples import bytes_of, samples_in, some

_INPUT_BYTES = 256 * 2**20  # of inputs kept
_GRAPH_BYTES = 2**30  # of graphs kept, roughly


def hessian_rows(study_size: int, samples: int | None, seed: int) -> Tensor:
    """Positions of ``samples`` different training samples, int64, uniformly chosen; all of them for None.

    Fewer samples of the same seed are the first of more, so that a larger draw contains a smaller one.
    """
    if samples is None or samples >= study_size:
        return torch.arange(study_size)
    if samples < 1:
        raise CurvatureError(f"samples={samples} leaves no data; give at least 1")
    return drawn_rows(study_size, samples, generator(Stream.HESSIAN_ROWS, seed))


def held_out_rows(study_size: int, samples: int | None, seed: int) -> Tensor:
    """Positions that `hessian_rows` did not draw, as many again or what is left of them."""
    if samples is None or samples >= study_size:
        return torch.arange(0)
    return drawn_rows(study_size, 2 * samples, generator(Stream.HESSIAN_ROWS, seed))[samples:]


def block_index(subject: Subject, name: str | None) -> int | None:
    """The index of the block called ``name``; None, the whole network, for None.

    Raises:
        CurvatureError: there is no such block.
    """
    if name is None:
        return None
    names = [block.name for block in subject.blocks]
    if name not in names:
        raise CurvatureError(f"there is no block {name!r}; use one of {', '.join(names)}")
    return names.index(name)


class HessianOperator:
    """Products with the Hessian of sum_n w_n loss_n over one block's weights, or all blocks' (None).

    The weights of the subject must stay as they are while it is used.

    Args:
        block: index of the block.
        positions: samples among the subject's, int64 (N,).
        shares: their weights w_n, (N,).
        chunk: samples processed at once.
        watch: called before every chunk; it may raise to stop a long product.

    Attributes:
        dim: number of weights.
        products: how many products with vectors were taken.
    """

    def __init__(
        self,
        subject: Subject,
        *,
        block: int | None,
        positions: Tensor,
        shares: Tensor,
        chunk: int,
        watch: Callable[[], object] | None = None,
    ) -> None:
        self.subject = subject
        self.products = 0
        self._chunk = chunk
        self._watch = watch or (lambda: None)
        self._graphs: dict[int, Sequence[Tensor]] = {}
        self._room = _GRAPH_BYTES // _graph_bytes(subject)
        self._positions = positions
        self._shares = shares.to(subject.device, subject.dtype).split(chunk)
        self._indices = [i for i, weight in enumerate(subject.weights) if block in (None, weight.block)]
        if not self._indices:
            assert block is not None
            raise CurvatureError(
                f"block {subject.blocks[block].name} has no weights of its own; they belong to an earlier block"
            )
        self._parameters = [subject.weights[i].parameter for i in self._indices]
        self._names = [dotted(subject, i) for i in self._indices]
        self.dim = sum(parameter.numel() for parameter in self._parameters)
        self._held: list[tuple[Tensor, Tensor]] | None = None

    def matvec(self, v: Tensor) -> Tensor:
        """Product Hv, shape (dim,).

        Raises:
            CurvatureError: a value is not finite, the loss does not depend on a weight, or an operation of the
                network cannot be differentiated twice; the block is named.
        """
        self.products += 1
        probes = list(self.split(v).values())
        return self._summed(lambda chunk, *batch: self._products(probes, chunk, *batch))

    def gradient(self) -> Tensor:
        """sum_n w_n dl_n/dW, shape (dim,)."""
        return self._summed(lambda chunk, *batch: self._recorded(chunk, *batch)[0])

    def per_sample_forms(self, v: Tensor) -> Tensor:
        """v . H_n v of every sample's own loss, shape (N,), float64."""
        return self.product_and_forms(v)[1]

    def product_and_forms(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """Product Hv and the forms v . H_n v, at the price of one product with a further backward pass."""
        self.products += 1
        probes = list(self.split(v).values())
        forms: list[Tensor] = []

        def of_chunk(chunk: int, *batch: Tensor) -> Sequence[Tensor | None]:
            product, form = self._products_and_forms(probes, *batch)
            forms.append(form)
            return product

        product = self._summed(of_chunk)
        return product, torch.cat(forms)

    def split(self, v: Tensor) -> dict[str, Tensor]:
        """A vector as tensors of the weights' shapes, by dotted parameter name."""
        parts = v.split([parameter.numel() for parameter in self._parameters])
        return {
            name: part.view_as(parameter)
            for name, part, parameter in zip(self._names, parts, self._parameters, strict=True)
        }

    def join(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Vector from the tensors that `split` gives, on the subject's device in its dtype."""
        parts = [tensors[name].to(self._parameters[0]).flatten() for name in self._names]
        return torch.cat(parts)

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and targets of every chunk; kept for the next product where they are small."""
        if self._held is not None:
            yield from self._held
            return
        held: list[tuple[Tensor, Tensor]] | None = []
        room = _INPUT_BYTES
        for _, inputs, targets in self.subject.chunks(self._positions, self._chunk):
            room -= bytes_of(inputs)
            held = None if held is None or room < 0 else [*held, (inputs, targets)]
            yield inputs, targets
        self._held = held

    def _summed(self, of_chunk: Callable[..., Sequence[Tensor | None]]) -> Tensor:
        total = [torch.zeros_like(parameter) for parameter in self._parameters]
        with _alone(self.subject, self._parameters):
            for chunk, (batch, share) in enumerate(zip(self._batches(), self._shares, strict=True)):
                self._watch()
                for sum_so_far, part in zip(total, of_chunk(chunk, *batch, share), strict=True):
                    if part is not None:
                        sum_so_far += part.detach()
        for i, summed in zip(self._indices, total, strict=True):
            if not torch.isfinite(summed).all():
                name = self.subject.blocks[self.subject.weights[i].block].name
                raise CurvatureError(
                    f"block {name}: its curvature is not finite; "
                    f"check that the loss is finite on every training sample"
                )
        return torch.cat([summed.flatten() for summed in total])

    def _recorded(
        self, chunk: int, inputs: Tensor, targets: Tensor, share: Tensor
    ) -> tuple[Sequence[Tensor], bool]:
        """The gradients of a chunk with their graph, and whether it is kept."""
        if chunk in self._graphs:
            return self._graphs[chunk], True
        loss = full_loss(self.subject)
        gradients = gradient_graph(self.subject, loss, inputs, targets, share, self._indices)
        kept = self._room >= samples_in(inputs)
        if kept:
            self._room -= samples_in(inputs)
            self._graphs[chunk] = gradients
        return gradients, kept

    def _products(self, probes: Sequence[Tensor], chunk: int, *batch: Tensor) -> Sequence[Tensor | None]:
        gradients, kept = self._recorded(chunk, *batch)
        return products_of(self.subject, gradients, self._indices, probes, again=kept)

    def _products_and_forms(
        self, probes: Sequence[Tensor], inputs: Tensor, targets: Tensor, share: Tensor
    ) -> tuple[Sequence[Tensor | None], Tensor]:
        share = share.clone().requires_grad_(True)
        gradients = gradient_graph(
            self.subject, full_loss(self.subject), inputs, targets, share, self._indices
        )
        nothing = torch.zeros(samples_in(inputs), dtype=torch.float64)
        slope = _inner(gradients, probes)
        if not slope.requires_grad:
            return [None] * len(probes), nothing
        try:
            products = torch.autograd.grad(slope, self._parameters, create_graph=True, allow_unused=True)
            curvature = _inner(products, probes)
            if not curvature.requires_grad:
                return products, nothing
            (forms,) = torch.autograd.grad(curvature, share, allow_unused=True)
        except RuntimeError:  # an operation without a third derivative
            return self._one_by_one(probes, inputs, targets, share)
        forms = torch.zeros_like(share) if forms is None else forms
        off = (share * forms).sum() - curvature
        if not off.abs() <= 1e-3 * (share * forms).abs().sum():
            return self._one_by_one(probes, inputs, targets, share)
        return products, forms.detach().double().cpu()

    def _one_by_one(
        self, probes: Sequence[Tensor], inputs: Tensor, targets: Tensor, share: Tensor
    ) -> tuple[Sequence[Tensor | None], Tensor]:
        loss, share = full_loss(self.subject), share.detach()
        products = vector_products(self.subject, loss, inputs, targets, share, self._indices, probes)
        one, forms = torch.ones_like(share[:1]), []
        for n in range(samples_in(inputs)):
            x, y = some(inputs, slice(n, n + 1)), targets[n : n + 1]
            parts = vector_products(self.subject, loss, x, y, one, self._indices, probes)
            forms.append(float(_inner(parts, probes)))
        return products, torch.tensor(forms, dtype=torch.float64)


def _inner(parts: Sequence[Tensor | None], probes: Sequence[Tensor]) -> Tensor:
    """The inner product of two vectors, whose missing parts are zero."""
    products = [(part * z).sum() for part, z in zip(parts, probes, strict=True) if part is not None]
    return torch.stack([*products, torch.zeros_like(probes[0].sum())]).sum()


def _graph_bytes(subject: Subject) -> int:
    """Bytes for one sample: activations, what normalisation and rectifiers keep, and as much for their gradients."""
    floats = 1
    for block in subject.blocks:
        for layer in block.layers:
            ends = torch.Size(layer.input_shape).numel() + torch.Size(layer.output_shape).numel()
            floats += 3 * int(ends) * max(layer.calls, 1)
    return floats * subject.dtype.itemsize


def dotted(subject: Subject, index: int) -> str:
    """The dotted name of a weight's parameter, the one its block calls it by."""
    weight = subject.weights[index]
    layers = subject.blocks[weight.block].layers
    return next((layer.parameter for layer in layers if layer.name == weight.name), f"{weight.name}.weight")


@contextmanager
def _alone(subject: Subject, parameters: Sequence[Tensor]) -> Iterator[None]:
    """Setting in which only ``parameters`` require gradients, so that nothing is recorded before the first of them."""
    before = [(parameter, parameter.requires_grad) for parameter in subject.model.parameters()]
    for parameter, _ in before:
        parameter.requires_grad_(False)
    for alone in parameters:
        alone.requires_grad_(True)
    try:
        yield
    finally:
        for parameter, required in before:
            parameter.requires_grad_(required)
