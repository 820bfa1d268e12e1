"""Networks whose operators are no plain layers: every form in which a weight may meet an input."""

import warnings

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Functional(nn.Module):
    """Functions with parameters of its own: two convolutions, a linear map and a product with a bare matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(3, 2, 3, 3))
        self.weight = nn.Parameter(torch.empty(4, 3, 2, 2))
        self.matrix = nn.Parameter(torch.empty(4, 5))
        self.head_weight = nn.Parameter(torch.empty(3, 5))
        self.bias = nn.Parameter(torch.zeros(3))
        for each in (self.kernel, self.weight, self.matrix, self.head_weight):
            nn.init.normal_(each, std=0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.conv2d(F.pad(x, (1, 0, 1, 0)), self.kernel, None, 2, padding=0))
        x = F.relu(F.conv2d(x, self.weight, stride=1)).mean((2, 3))
        return F.linear(torch.relu(x @ self.matrix), self.head_weight, self.bias)


class Conv1D(nn.Module):
    """GPT-2's linear layer: the weight is (inputs, outputs), and positions are rows."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width_in, width_out))
        self.bias = nn.Parameter(torch.zeros(width_out))
        nn.init.normal_(self.weight, std=0.5)

    def forward(self, x: Tensor) -> Tensor:
        rows = torch.addmm(self.bias, x.view(-1, x.shape[-1]), self.weight)
        return rows.view(*x.shape[:-1], -1)


class TokenNet(nn.Module):
    """Tokens through an embedding, a transposed layer, projections in one weight, and the embedding again as head."""

    def __init__(self, words: int = 7, width: int = 4) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.mix = Conv1D(width, width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.cross = nn.MultiheadAttention(width, 1, batch_first=True)
        self.heads = nn.Parameter(torch.randn(2, width, width) * 0.5)

    def forward(self, tokens: Tensor) -> Tensor:
        x = torch.tanh(self.mix(self.embedding(tokens)))
        x = x + self.attention(x, x, x, need_weights=False)[0]
        x = x + self.cross(x, x.flip(1), x.flip(1), need_weights=False)[0]
        mixed = torch.einsum("ntc,hcd->nhd", x, self.heads).sum(1)
        return F.linear(mixed, self.embedding.weight)


class Normed(nn.Module):
    """Weights that are computed from others, in both of torch's ways."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 3, 3))
        self.second = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 4))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # the older way of the two
            self.last = nn.utils.weight_norm(nn.Linear(4, 3))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x)).mean((2, 3))
        return self.last(torch.relu(self.second(x)))


class Recurrent(nn.Module):
    """A recurrent layer, whose kernel no module can stand for."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = nn.LSTM(2, 3, batch_first=True)
        self.head = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.memory(x.flatten(2).transpose(1, 2))[0][:, -1])
