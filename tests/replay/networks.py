"""Networks in which replaying could go wrong."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Residual(nn.Module):
    """Two residual blocks whose sum is in place."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        self.blocks = nn.Sequential(*(InPlaceBlock() for _ in range(2)))
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)).mean(dim=(2, 3)))


class InPlaceBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out = self.second(self.relu(self.norm(self.first(x))))
        out += x
        return self.relu(out)


class Careless(nn.Module):
    """The in-place activation's result is thrown away, and a view is written through."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(72, 6)
        self.relu = nn.ReLU(inplace=True)
        self.flat = nn.Flatten()
        self.second = nn.Linear(6, 6)
        self.third = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x.flatten(1))
        self.relu(y)
        seen = self.flat(y)
        y *= 2
        z = self.second(seen)
        z.view(-1).add_(1)
        return self.third(z) + y[:, :3]


class Shared(nn.Module):
    """One module three times, its weight once more as a function, and a submodule that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(72, 4)
        self.shared = nn.Linear(4, 4)
        self.between = nn.Linear(4, 4)
        self.never = nn.Linear(4, 4)
        self.leave = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.shared(torch.relu(self.enter(x.flatten(1)))))
        x = torch.relu(self.shared(self.between(x)))
        x = F.linear(x, self.never.weight) + F.linear(x, self.shared.weight.t())
        return self.leave(self.shared(x))


class Tuples(nn.Module):
    """Modules that take and give tuples and dictionaries, None among them."""

    def __init__(self) -> None:
        super().__init__()
        self.split = Split()
        self.recurrent = nn.LSTM(6, 4, batch_first=True)
        self.named = Named()
        self.leave = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        low, _, scale = self.split(x.flatten(2).transpose(1, 2))
        states, (last, _) = self.recurrent(low * scale)
        named = self.named(states)
        return self.leave(torch.cat([named["mean"], last[0]], dim=1))


class Split(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(2, 6)

    def forward(self, x: Tensor) -> tuple[Tensor, None, float]:
        return self.line(x), None, 0.5


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"mean": self.line(x).mean(1), "unused": x}


class Random(nn.Module):
    """Noise although it is in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(72, 4)
        self.second = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(F.dropout(self.first(x.flatten(1)), training=True))


class Counting(nn.Module):
    """A layer that counts its calls in a buffer and answers differently each time."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Tensor
        self.register_buffer("calls", torch.zeros(()))
        self.line = nn.Linear(72, 4)

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.line(x.flatten(1)) * self.calls


class Stateful(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.counting = Counting()
        self.leave = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(self.counting(x))


class Branching(nn.Module):
    """Another course for bright images."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(72, 4)
        self.extra = nn.Linear(4, 4)
        self.second = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        bright = bool(x.mean() > 1)
        x = self.first(x.flatten(1))
        return self.second(self.extra(x) if bright else x)


class Leaving(nn.Module):
    """The first layer leaves its result in an attribute, from which the network takes it away."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Left()
        self.second = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        self.first(x)
        return self.second(self.first.left.pop())


class Left(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(72, 4)
        self.left: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.left.append(self.line(x.flatten(1)))
        return self.left[-1]
