"""Channel-wise distillation is its definition, and a teacher teaches networks of every kind."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from explorer.errors import RunError
from explorer.qat.distillation import Teacher, outputs_apart, outputs_teach, standardized_apart, under
from explorer.questions import FinetuneQuestion
from explorer.questions.telling import recipes
from explorer.studies.losses import IGNORED, Loss
from tests.quantizers.networks import images, small, tied, tokens


def by_definition(x: Tensor, t: Tensor, axis: int, epsilon: float) -> Tensor:
    """The mean over elements of (z_t - z_x)^2, written out."""
    others = [each for each in range(x.ndim) if each != axis % x.ndim]
    z = []
    for each in (x, t):
        centred = each - each.mean(others, keepdim=True)
        z.append(centred / (centred.square().mean(others, keepdim=True) + epsilon).sqrt())
    return (z[1] - z[0]).square().mean()


@pytest.mark.parametrize(
    ("shape", "axis"), [((5, 3, 4, 6), 1), ((4, 3, 7), 1), ((6, 5), -1), ((3, 4, 5), -1)]
)
@pytest.mark.parametrize("epsilon", [1e-5, 0.3])
def test_it_equals_its_definition_in_value_and_gradient(
    shape: tuple[int, ...], axis: int, epsilon: float
) -> None:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=draw, dtype=torch.float64).requires_grad_()
    t = 3 * torch.randn(shape, generator=draw, dtype=torch.float64) + 1
    found, expected = standardized_apart(x, t, axis=axis, epsilon=epsilon), by_definition(x, t, axis, epsilon)
    assert abs(found - expected) < 1e-10
    for factor in (1.0, 0.7):
        mine, theirs = (
            torch.autograd.grad(factor * each, x, retain_graph=True)[0] for each in (found, expected)
        )
        assert (mine - theirs).abs().max() < 1e-10
    assert expected > 0.5, "two unrelated tensors are apart"


def test_it_does_not_change_with_scale_and_shift_of_a_channel() -> None:
    draw = torch.Generator().manual_seed(1)
    x, t = torch.randn(2, 8, 3, 5, 5, generator=draw, dtype=torch.float64)
    scale, shift = (
        torch.tensor([0.1, 2.0, 30.0]).view(1, 3, 1, 1),
        torch.tensor([5.0, -1.0, 0.0]).view(1, 3, 1, 1),
    )
    same = standardized_apart(scale * x + shift, t, epsilon=0.0)
    assert abs(same - standardized_apart(x, t, epsilon=0.0)) < 1e-10
    assert standardized_apart(scale * t + shift, t, epsilon=0.0) < 1e-10
    assert standardized_apart(-x, t, epsilon=0.0) != pytest.approx(float(same)), "the sign matters"


class Narrow(nn.Module):
    """Linear layers alone."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.last(torch.relu_(self.first(x)))
        return logits


def narrow() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Narrow()


@pytest.mark.parametrize(
    ("build", "inputs", "layers"),
    [
        (small, images, {"first": 1, "depthwise": 1, "point": 1, "up": 1}),
        (tied, tokens, {"mix": 2, "out": 1}),
        (
            narrow,
            lambda: torch.randn(7, 6, generator=torch.Generator().manual_seed(3)),
            {"first": 1, "last": 1},
        ),
    ],
    ids=["convolutions under in-place ReLUs", "a layer called twice", "linear"],
)
def test_a_lesson_is_zero_for_the_teacher_itself_and_reaches_every_layer_of_another(
    build: Callable[[], nn.Module], inputs: Callable[[], Tensor], layers: dict[str, int]
) -> None:
    network, x = build(), inputs()
    with torch.no_grad():  # a student that is another
        student = copy.deepcopy(network)
        for parameter in student.parameters():
            parameter.mul_(1.1).add_(0.05)
    teacher = Teacher(copy.deepcopy(network), x[:2], channels=True)
    lesson = teacher.teach(x)
    with teacher.compared(network.eval(), lesson):
        network(x)
    assert len(lesson.apart) == sum(layers.values())
    assert max(float(each.detach()) for each in lesson.apart) < 1e-6
    lesson = teacher.teach(x)
    with teacher.compared(student, lesson):
        outputs = student(x)
    torch.stack(lesson.apart).sum().backward()
    for name in layers:
        gradient = student.get_parameter(f"{name}.weight").grad
        assert gradient is not None
        assert gradient.abs().max() > 0
    assert not any(lesson.features.values()), "nothing is kept of a step"
    assert torch.equal(outputs, student(x)), "comparing changes nothing, and ends"


@pytest.mark.parametrize("kind", ["cross_entropy", "bce_with_logits", "mse"])
def test_outputs_are_apart_by_zero_where_they_agree_and_pull_towards_the_teacher(kind: str) -> None:
    draw = torch.Generator().manual_seed(0)
    taught = torch.randn(6, 4, generator=draw, dtype=torch.float64)
    outputs = (taught + torch.randn(6, 4, generator=draw)).requires_grad_()
    loss, targets = Loss(kind), torch.zeros(6, dtype=torch.long)
    assert abs(float(outputs_apart(loss, taught, taught, targets, 2.0))) < 1e-12
    far = outputs_apart(loss, outputs, taught, targets, 2.0)
    (gradient,) = torch.autograd.grad(far, outputs)
    nearer = outputs_apart(loss, outputs.detach() - 0.1 * gradient, taught, targets, 2.0)
    assert 0 < nearer < far
    if kind == "cross_entropy":  # T^2 KL, written out
        p, q = (taught / 2).softmax(1), (outputs / 2).softmax(1)
        assert float(far) == pytest.approx(4 * float((p * (p / q).log()).sum(1).mean()))


def test_tokens_teach_by_their_own_classes_and_padding_does_not() -> None:
    draw = torch.Generator().manual_seed(0)
    taught, outputs = torch.randn(2, 2, 5, 4, generator=draw, dtype=torch.float64)
    targets = torch.tensor([[0, 1, 2, 3, 0], [1, 2, IGNORED, IGNORED, IGNORED]])
    p, q = (taught / 2).softmax(2), (outputs / 2).softmax(2)
    each = 4 * (p * (p / q).log()).sum(2)
    expected = (each[0].mean() + each[1, :2].mean()) / 2
    found = outputs_apart(Loss("token_cross_entropy"), outputs, taught, targets, 2.0)
    assert float(found) == pytest.approx(float(expected), abs=1e-12)


def test_outputs_do_not_teach_where_the_loss_is_ones_own() -> None:
    own = Loss("net.py:loss", function=lambda outputs, targets: outputs.sum(1))
    assert not outputs_teach(own)
    asked = FinetuneQuestion(plan={}, channels=0)
    assert (under(own, asked).taught, under(Loss("mse"), asked)) == (False, asked)
    assert "distillation" not in recipes.words(under(own, asked)), "nor is it said that they do"
    assert under(own, asked.but(channels=1)).taught, "layers' outputs still do"
    with pytest.raises(RunError, match="set logits to 0"):
        outputs_apart(own, torch.ones(2, 3), torch.ones(2, 3), torch.zeros(2), 2.0)
