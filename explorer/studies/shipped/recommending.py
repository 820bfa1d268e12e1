"""Making the studies of NeuMF: ``python -m explorer pretrain ncf-synthetic``, or ``ncf-movielens`` with one's own data.

Binary cross-entropy on every liked item and NEGATIVES others that are drawn anew each epoch, Adam (He et al. 2017,
section 4.1). The held-out items are only measured. ``ncf-movielens`` writes a whole study, its data included, into a
folder of one's own: MovieLens may not be redistributed.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from explorer.errors import StudyError
from explorer.estimates import means
from explorer.places import operator_data
from explorer.randomness import Stream, numpy_generator
from explorer.studies.losses import Loss
from explorer.studies.metrics import METRICS
from explorer.studies.networks import recommending
from explorer.studies.shipped import interactions
from explorer.studies.shipped.interactions import Interactions
from explorer.studies.shipped.pretraining import write_network

Candidates = tuple[Tensor, Tensor, Tensor]  # users, items and labels

SYNTHETIC, MOVIELENS = "ncf-synthetic", "ncf-movielens"
EPOCHS, BATCH, LEARNING_RATE, WEIGHT_DECAY, SEED = 20, 1024, 3e-3, 1e-6, 0
_TOML = r'''name = "ncf-movielens"

[model]
factory = "explorer.studies.networks.recommending:movielens_neumf"
weights = "weights.safetensors"

[data]
kind = "arrays"
path = "pairs.npz"
inputs = ["users", "items"]
targets = "labels"

[task]
metric = "hr10"

[loss]
kind = "bce_with_logits"

[card]
title = "NeuMF on MovieLens-100K"
summary = """The recommender that LAPQ quantizes, on films that people rated: every rating is an interaction, and the \
last of every person is to be found among 946 films."""
source = "network: He et al. 2017, trained here; ratings: Harper and Konstan 2015"
'''


def make(name: str, out: Path, data: Path | None = None, report: Callable[[str], None] = print) -> None:
    """Train one of the two and write what its study consists of.

    Args:
        out: folder to write into.
        data: folder of MovieLens-100K; ``ml-100k`` in that of EXPLORER_DATA by default.
        report: told how far it is.

    Raises:
        StudyError: MovieLens is not there.
    """
    if name == SYNTHETIC:
        of, network = interactions.synthetic(), recommending.synthetic_neumf
    else:
        of, network = interactions.movielens(_folder(data)), recommending.movielens_neumf
    own = interactions.tensors(of)
    trained = _trained(of, network, own["test"], report)
    facts = {
        "training": f"{EPOCHS} epochs of {sum(map(len, of.liked)):,} interactions, each with "
        f"{interactions.NEGATIVES} others, Adam, learning rate {LEARNING_RATE:g}, seed {SEED}",
        "held-out items": _said(trained, own["test"]),
    }
    write_network(out, trained, facts)
    if name == MOVIELENS:
        made = {
            f"{split}_{column}": values.numpy()
            for split, parts in own.items()
            for column, values in zip(("users", "items", "labels"), parts, strict=True)
        }
        np.savez_compressed(out / "pairs.npz", allow_pickle=False, **made)
        (out / "study.toml").write_text(_TOML, encoding="utf-8")


def _folder(data: Path | None) -> Path:
    if data is not None:
        return data
    operator = operator_data()
    if operator is None:
        raise StudyError("MovieLens-100K is not here: unpack it, and name its folder with --data")
    return operator / "ml-100k"


def _trained(
    of: Interactions, network: Callable[[], nn.Module], test: Candidates, report: Callable[[str], None]
) -> nn.Module:
    torch.manual_seed(SEED)  # nn.init takes no generator
    model = network().train()
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.05)
    draw = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    loss_of, started = Loss("bce_with_logits"), time.monotonic()
    for epoch in range(1, EPOCHS + 1):
        users, items, labels = of.pairs(numpy_generator(Stream.NEGATIVE_ITEMS, SEED, epoch))
        for rows in torch.randperm(len(labels), generator=draw).split(BATCH):
            loss = loss_of(model((users[rows], items[rows])), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        report(f"epoch {epoch}/{EPOCHS}: {_said(model, test)}, {time.monotonic() - started:.0f} s")
    return model.eval()


def _said(model: nn.Module, test: Candidates) -> str:
    users, items, labels = test
    with torch.inference_mode():
        outputs = model((users, items))
    found = []
    for name, called in (("hr10", "HR@10"), ("ndcg10", "NDCG@10")):
        values = METRICS[name].per_sample(outputs, labels)
        assert values is not None
        mean, error = (each.item() for each in means(values.double()))
        found.append(f"{called} {mean:.4f} ± {error:.4f}")
    return f"{', '.join(found)} among {labels.shape[1]:,}"
