"""Trainings as papers published them, as far as they say: named sets of options of a `FinetuneQuestion`.

What a paper's recipe needs and a short training on a small data set cannot follow is left out: hundreds of epochs, an
initial training from scratch. Epochs stay as asked. Where a paper is silent the option has its default, but for the
parts that are newer than the paper (distillation, the choice among iterates), which are off.

    hawq     Dong et al. 2019: straight-through, blocks in descending order of the damage, in stages. The schedule of
             the stages is not public; this is a reconstruction.
    lsq      Esser et al. 2020: SGD with momentum 0.9, learning rate 0.01, cosine, weight decay 1e-4.
    pact     Choi et al. 2018: learned clips, SGD with momentum 0.9, step-wise decay of the rate by 10.
    dorefa   Zhou et al. 2016: Adam with learning rate 1e-4, decayed step by step.
    fpq      arXiv 2503.11159: SGD with momentum 0.9, batch 256, learning rate 0.01, cosine, weight decay 5e-4, noise
             with probability 0.3, channel-wise standardization distillation, no logits.
"""

from collections.abc import Mapping
from typing import Any

_AS_BEFORE: Mapping[str, Any] = {
    "logits": 0.0,
    "channels": 0.0,
    "batch_norm": "trained",
    "keep": "last",
    "warmup": 0.0,
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "hawq": {**_AS_BEFORE, "method": "ste", "stages": 3},
    "lsq": {**_AS_BEFORE, "method": "lsq", "learning_rate": 0.01, "weight_decay": 1e-4},
    "pact": {**_AS_BEFORE, "method": "pact", "schedule": "step", "weight_decay": 2e-4},
    "dorefa": {
        **_AS_BEFORE,
        "method": "dorefa",
        "optimizer": "adamw",
        "learning_rate": 1e-4,
        "weight_decay": 0.0,
        "schedule": "step",
    },
    "fpq": {
        **_AS_BEFORE,
        "method": "lsq",
        "batch_size": 256,
        "learning_rate": 0.01,
        "weight_decay": 5e-4,
        "channels": 1.0,
        "noise": 0.3,
    },
}
