"""What a network is worth on the first images of the test split."""

import torch
from torch import nn

from explorer.estimates import Estimate, share
from explorer.evaluation import measure_samples
from explorer.studies import Study
from explorer.watching import UNWATCHED, Watcher


def accuracy(study: Study, network: nn.Module, images: int, watcher: Watcher = UNWATCHED) -> Estimate:
    """Share of the first test images that are right, and its standard error."""
    rows = torch.arange(min(images, study.data.size("test")))
    found = measure_samples(study, network, "test", rows=rows, check=watcher.check_stop)
    assert found.metric is not None
    return share(found.metric)
