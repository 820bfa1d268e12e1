"""Trainings as papers published them, as far as they say: named sets of options of a `FinetuneQuestion`.

What a paper's recipe needs and a short training on a small data set cannot follow is left out: hundreds of epochs, an
initial training from scratch. Epochs stay as asked. Where a paper is silent the option has its default, but for the
parts that are newer than the paper (distillation, the choice among iterates), which are off.

    hawq     Dong et al. 2019: straight-through, blocks in descending order of the damage, in stages. The schedule of
             the stages is not public; this is a reconstruction.
    lsq      Esser et al. 2020, as it is cited: SGD with momentum 0.9, learning rate 0.01, cosine, weight decay 1e-4.
    pact     Choi et al. 2018: learned clips and their penalty (sec. 3.2). The rest is as public reproductions give the
             paper's ResNet-20 on CIFAR-10 (the example of Intel's Distiller and another agree; the paper itself was not
             at hand): SGD with momentum 0.9, batch 128, weight decay 2e-4, the rate divided by 10 step by step. Their
             rate of 0.1, from scratch over 200 epochs, is not taken: it would undo the pretrained network; nor is the
             start of every clip, which is fitted here.
    dorefa   Zhou et al. 2016, as the authors' own script trains AlexNet (tensorpack, examples/DoReFa-Net): Adam with
             learning rate 1e-4, decayed step by step, batch 128, activations clipped at 1. Not taken: the division by 5
             (here 10), weight decay of 5e-6 on linear layers alone (here none), FP32 in the first and the last layer
             (here as the plan says), gradients of 6 bits (``method_options: gradient_bits``). Adam is AdamW here, which
             is the same without weight decay.
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
    "hawq": {**_AS_BEFORE, "method": "ste", "optimizer": "sgd", "stages": 3},
    "lsq": {**_AS_BEFORE, "method": "lsq", "optimizer": "sgd", "learning_rate": 0.01, "weight_decay": 1e-4},
    "pact": {
        **_AS_BEFORE,
        "method": "pact",
        "optimizer": "sgd",
        "schedule": "step",
        "batch_size": 128,
        "weight_decay": 2e-4,
    },
    "dorefa": {
        **_AS_BEFORE,
        "method": "dorefa",
        "method_options": {"unit": True},
        "batch_size": 128,
        "optimizer": "adamw",
        "learning_rate": 1e-4,
        "weight_decay": 0.0,
        "schedule": "step",
    },
    "fpq": {
        **_AS_BEFORE,
        "method": "lsq",
        "optimizer": "sgd",
        "batch_size": 256,
        "learning_rate": 0.01,
        "weight_decay": 5e-4,
        "channels": 1.0,
        "noise": 0.3,
    },
}

SOURCES: Mapping[str, str] = {
    "hawq": "From the paper: straight-through training, the most damaged blocks first, in stages. "
    "Not from it: the schedule of the stages, which is not public and reconstructed here.",
    "lsq": "From the paper as it is cited, since its text was not at hand: method, SGD, rate, cosine, weight decay. "
    "Not from it: epochs, first steps of least squared error.",
    "pact": "From the paper: method and penalty. From public reproductions of its ResNet-20: SGD, batch, weight decay, "
    "decay in steps. Not from it: a smaller rate (0.1 there, from scratch), fitted first clips, epochs.",
    "dorefa": "From the paper's equations and its authors' script: method, clip at 1, Adam, rate, batch, decay in "
    "steps. Not from it: division by 10 (5 there), no weight decay (5e-6 on linear layers there), gradients that are "
    "not rounded (an option), epochs.",
    "fpq": "From the paper: SGD, rate, cosine, batch, weight decay, noise and distillation of channels. "
    "Not from it: the mean in place of the sum of the distillation, steps of least squared error, epochs.",
}
"""What of each preset is its paper's and what is not."""
