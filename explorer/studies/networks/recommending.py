"""NeuMF: neural matrix factorization for implicit feedback (He et al. 2017, "Neural collaborative filtering", 3.4).

Two embeddings of users and two of items. One pair is multiplied element by element, the other goes through an MLP; a
linear layer on both gives the logit that user and item belong together. LAPQ quantizes this network (section 5.2).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn


class NeuMF(nn.Module):
    """Logits of pairs.

    Args:
        users, items: how many there are.
        factors: width of the product.
        hidden: widths of the MLP, the first split between user and item.
    """

    def __init__(
        self, users: int, items: int, factors: int = 8, hidden: tuple[int, ...] = (32, 16, 8)
    ) -> None:
        super().__init__()
        self.user_factors, self.item_factors = nn.Embedding(users, factors), nn.Embedding(items, factors)
        half = hidden[0] // 2
        self.user_features, self.item_features = nn.Embedding(users, half), nn.Embedding(items, half)
        self.mlp = nn.Sequential()
        for wide, narrow in pairwise(hidden):
            self.mlp.extend((nn.Linear(wide, narrow), nn.ReLU()))
        self.logit = nn.Linear(factors + hidden[-1], 1)

    def forward(self, pair: tuple[Tensor, Tensor]) -> Tensor:
        """From users and items, each int64 (N, C), to logits (N, C)."""
        users, items = pair
        product = self.user_factors(users) * self.item_factors(items)
        features = self.mlp(torch.cat([self.user_features(users), self.item_features(items)], dim=-1))
        found: Tensor = self.logit(torch.cat([product, features], dim=-1))[..., 0]
        return found


def synthetic_neumf() -> nn.Module:
    """The network of the study ``ncf-synthetic``."""
    return NeuMF(users=600, items=1200)


def movielens_neumf() -> nn.Module:
    """The network for MovieLens-100K: 943 users, 1,682 items."""
    return NeuMF(users=943, items=1682)
