"""BackPACK's Gauss-Newton diagonal, exact and with one sampled label a sample, summed over every block.

BackPACK needs the network as a tree of modules. The option-A shortcut becomes a 1x1 average pooling of the same
stride (which picks the same pixels) and zero padding, the sum a ``Parallel``; the weights are shared, and the
outputs are the same to the last bit.
"""

import warnings
from collections.abc import Callable, Sequence

import torch
from backpack import backpack, extend
from backpack.custom_module.branching import Parallel
from backpack.custom_module.pad import Pad
from backpack.custom_module.scale_module import ScaleModule
from backpack.extensions import BatchL2Grad, DiagGGNExact, DiagGGNMC
from torch import Tensor, nn

from benchmarks.problem import Problem
from benchmarks.timing import in_turns
from explorer.studies.networks.small import BasicBlock, ResNet20

_TUNED: dict[tuple[str, tuple[int, ...]], int] = {}  # once a run


class BackPack:
    """The extended network of one problem."""

    library = "BackPACK"

    def __init__(self, problem: Problem) -> None:
        model = problem.copy_of_model()
        if not isinstance(model, ResNet20):
            raise TypeError(f"no form of {type(model).__name__} for BackPACK")
        self.problem = problem
        self.weights = [model.get_parameter(name) for name in problem.names]
        self._loss = extend(nn.CrossEntropyLoss(reduction="sum"))
        self.network = extend(_tree(model).eval())
        self.chunk = 32

    def tune(self, problem: Problem, chunks: Sequence[int]) -> int:
        """Take the number of samples at once with which the exact traces are fastest; found once a run."""
        few = problem.on(problem.rows[:64])
        key = (problem.study.name, tuple(chunks))

        def work(chunk: int) -> Callable[[int], list[float]]:
            def traces(_: int) -> list[float]:
                self.chunk = chunk
                return self.exact(few)

            return traces

        if key not in _TUNED and len(chunks) > 1:
            timed = in_turns({str(chunk): work(chunk) for chunk in chunks}, repeats=2)
            _TUNED[key] = int(min(timed, key=lambda name: timed[name].best))
        self.chunk = _TUNED.get(key, chunks[0])
        return self.chunk

    def exact(self, problem: Problem) -> list[float]:
        """The exact traces over the problem's samples."""
        return self._traces(problem, DiagGGNExact(), "diag_ggn_exact")

    def sampled(self, problem: Problem, seed: int) -> list[float]:
        """One draw of the traces over the problem's samples: one label a sample, drawn from the outputs."""
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return self._traces(problem, DiagGGNMC(), "diag_ggn_mc")

    def label_moments(self, problem: Problem) -> tuple[Tensor, Tensor]:
        """Mean and mean square of one sample's draw with one label, (samples, blocks) each.

        The draw with label y is the squared norm of the gradient for that label and has the probability p_y. A
        handful of labels that are hardly ever drawn carry most of the variance, so that no number of draws that
        can be waited for would show it.
        """
        first, second = [], []
        for inputs, _ in problem.batches(self.chunk):
            outputs = self.network(inputs).detach().double()
            squares = torch.stack(
                [self._squared_norms(inputs, torch.full((len(inputs),), y)) for y in range(outputs.shape[1])]
            )
            p = outputs.softmax(1)
            first.append(torch.einsum("nc,cnb->nb", p, squares))
            second.append(torch.einsum("nc,cnb->nb", p, squares.square()))
        return torch.cat(first), torch.cat(second)

    def _squared_norms(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Squared norms of every sample's gradient of its loss with these labels, (samples, blocks)."""
        self._backward(inputs, labels, BatchL2Grad())
        return torch.stack(self._taken("batch_l2"), dim=1).double()

    def _traces(self, problem: Problem, extension: object, field: str) -> list[float]:
        totals = torch.zeros(len(self.weights), dtype=torch.float64)
        for inputs, targets in problem.batches(self.chunk):
            self._backward(inputs, targets, extension)
            totals += torch.stack([diagonal.sum(dtype=torch.float64) for diagonal in self._taken(field)])
        return (totals / problem.size).tolist()

    def _backward(self, inputs: Tensor, targets: Tensor, extension: object) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its padding indexes with a list; the images take no gradient
            value = self._loss(self.network(inputs), targets)
            with backpack(extension):
                value.backward()

    def _taken(self, field: str) -> list[Tensor]:
        """What BackPACK left on the weights, which are cleared."""
        found = [getattr(weight, field) for weight in self.weights]
        for weight in self.weights:
            delattr(weight, field)
            weight.grad = None
        return found


def _tree(model: ResNet20) -> nn.Sequential:
    layers: list[nn.Module] = [model.conv1, model.bn1, model.relu]
    for stage in (model.layer1, model.layer2, model.layer3):
        for block in stage.children():
            assert isinstance(block, BasicBlock)
            layers += _block(block)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), model.linear)


def _block(block: BasicBlock) -> Sequence[nn.Module]:
    # A module that hands on its input itself, or a view of it, would be taken for that input by BackPACK.
    shortcut: nn.Module = ScaleModule(1.0)
    if block.stride != 1 or block.extra_channels:
        before = block.extra_channels // 2
        padding = (0, 0, 0, 0, before, block.extra_channels - before)
        shortcut = nn.Sequential(nn.AvgPool2d(1, stride=block.stride), Pad(padding))
    branch = nn.Sequential(block.conv1, block.bn1, block.relu1, block.conv2, block.bn2)
    return Parallel(shortcut, branch), block.relu2
