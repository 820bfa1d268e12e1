"""Networks from PyPI as studies: small, untrained, on random samples. What works does not depend on the weights.

timm and efficientnet-lite-pytorch import torchvision for what a network does not need; where it is missing or cannot be
imported, an empty module stands in its place, and models that need more of it cannot be built.
"""

import importlib
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.machinery import ModuleSpec
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.studies.data.images import ImageData
from explorer.studies.data.samples import Rows
from explorer.studies.losses import Loss
from explorer.studies.study import Card, Study

SAMPLES = 16
CLASSES = 5
WORDS, LENGTH = 31, 8


@dataclass(frozen=True)
class Entry:
    """One network: package, name, and what builds a study of it."""

    package: str
    name: str
    build: Callable[[], Study]


class Tokens(ImageData):
    """Sentences: a token a grey pixel, integers below ``WORDS``; token 0 pads."""

    def inputs(self, split: str, rows: Rows) -> Tensor:
        """Tokens, (n, LENGTH) int64."""
        return torch.from_numpy(self.images(split, rows)).flatten(1).long() % WORDS


class Called(nn.Module):
    """A network that takes more than one tensor, or gives more than is wanted, as one that does not."""

    def __init__(self, network: nn.Module, call: Callable[[nn.Module, Tensor], Any]) -> None:
        super().__init__()
        self.network = network
        self._call = call

    def forward(self, x: Tensor) -> Any:
        """What ``call`` takes of the network's outputs."""
        return self._call(self.network, x)


def entries() -> list[Entry]:
    """Every network of the table."""
    timm: list[tuple[str, int, dict[str, Any]]] = [
        ("resnet18", 32, {"channels": (16, 32, 64, 128)}),
        ("mobilenetv3_small_050", 32, {}),
        ("efficientnet_lite0", 32, {}),
        ("tf_efficientnet_lite0", 32, {}),
        ("vit_tiny_patch16_224", 32, {"img_size": 32, "depth": 2, "embed_dim": 48}),
        ("convnext_atto", 32, {"dims": (8, 16, 32, 64), "depths": (1, 1, 2, 1)}),
        ("beit_base_patch16_224", 32, {"img_size": 32, "depth": 2, "embed_dim": 48, "num_heads": 3}),
        ("swin_tiny_patch4_window7_224", 56, {"img_size": 56, "embed_dim": 24, "depths": (2, 2)}),
    ]
    return [
        *(Entry("timm", name, partial(_timm, name, size, options)) for name, size, options in timm),
        Entry("efficientnet-lite-pytorch", "efficientnet-lite0", _lite),
        Entry("transformers", "BERT", _bert),
        Entry("transformers", "GPT-2", _gpt2),
        Entry("transformers", "Llama", _llama),
        Entry("transformers", "ViT", _vit),
        Entry("transformers", "DETR", _detr),
    ]


def _timm(name: str, size: int, options: dict[str, Any]) -> Study:
    timm = imported("timm")
    network = _seeded(lambda: timm.create_model(name, pretrained=False, num_classes=CLASSES, **options))
    return _images(network, size)


def _lite() -> Study:
    package = imported("efficientnet_lite_pytorch")
    network = _seeded(
        lambda: package.EfficientNet.from_name("efficientnet-lite0", num_classes=CLASSES, image_size=32)
    )
    return _images(network, 32)


_TINY = {"vocab_size": WORDS, "num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 16}


def _bert() -> Study:
    package = importlib.import_module("transformers")
    config = package.BertConfig(**_TINY, intermediate_size=32, num_labels=CLASSES, pad_token_id=0)
    network = _seeded(lambda: package.BertForSequenceClassification(config))
    return _sentences(Called(network, _with_mask), Loss("cross_entropy"))


def _gpt2() -> Study:
    package = importlib.import_module("transformers")
    config = package.GPT2Config(vocab_size=WORDS, n_embd=16, n_layer=2, n_head=2, n_positions=LENGTH)
    return _sentences(Called(_seeded(lambda: package.GPT2LMHeadModel(config)), _next_word), _of_last_word())


def _llama() -> Study:
    package = importlib.import_module("transformers")
    config = package.LlamaConfig(**_TINY, intermediate_size=32, num_key_value_heads=1)
    return _sentences(Called(_seeded(lambda: package.LlamaForCausalLM(config)), _next_word), _of_last_word())


def _vit() -> Study:
    package = importlib.import_module("transformers")
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    config = package.ViTConfig(**sizes, image_size=32, patch_size=8, num_labels=CLASSES)
    network = _seeded(lambda: package.ViTForImageClassification(config))
    return _images(Called(network, lambda model, x: model(pixel_values=x).logits), 32)


def _detr() -> Study:
    package = importlib.import_module("transformers")
    backbone = package.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], out_features=["stage2"], layer_type="basic"
    )
    sizes = {"encoder_layers": 1, "decoder_layers": 1, "d_model": 16, "num_queries": 4}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    feed = {"encoder_ffn_dim": 32, "decoder_ffn_dim": 32}
    config = package.DetrConfig(
        **sizes, **heads, **feed, backbone_config=backbone, use_timm_backbone=False, num_labels=CLASSES,
        use_pretrained_backbone=False, backbone=None,
    )  # fmt: skip
    network = _seeded(lambda: package.DetrForObjectDetection(config))

    def call(model: nn.Module, x: Tensor) -> Any:
        found = model(pixel_values=x)
        return {"logits": found.logits, "boxes": found.pred_boxes}

    def loss(outputs: Any, targets: Tensor) -> Tensor:
        """Every query is to find the class, in a box in the middle: it stands in for the matching of queries."""
        queries = outputs["logits"].shape[1]
        classes = F.cross_entropy(
            outputs["logits"].transpose(1, 2), targets[:, None].expand(-1, queries), reduction="none"
        )
        return classes.mean(1) + (outputs["boxes"] - 0.5).square().flatten(1).mean(1)

    return _images(Called(network, call), 64, Loss("factory", function=loss))


def _with_mask(network: nn.Module, tokens: Tensor) -> Any:
    return network(input_ids=tokens, attention_mask=(tokens != 0).long()).logits


def _next_word(network: nn.Module, tokens: Tensor) -> Any:
    return network(input_ids=tokens, use_cache=False).logits


def _of_last_word() -> Loss:
    """Cross-entropy of the word after the last one, which the target names."""

    def loss(outputs: Any, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs[:, -1], targets, reduction="none")

    return Loss("factory", function=loss)


def _images(network: nn.Module, size: int, loss: Loss | None = None) -> Study:
    generator = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for split in ("train", "test"):
        arrays[f"{split}_images"] = generator.integers(0, 256, (SAMPLES, size, size, 3), dtype=np.uint8)
        arrays[f"{split}_labels"] = np.arange(SAMPLES) % CLASSES
    data = ImageData(arrays, mean=(0.5,) * 3, std=(0.25,) * 3)
    return _study(network, data, loss or Loss("cross_entropy"))


def _sentences(network: nn.Module, loss: Loss) -> Study:
    generator = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for split in ("train", "test"):
        arrays[f"{split}_images"] = generator.integers(0, 256, (SAMPLES, 1, LENGTH, 1), dtype=np.uint8)
        arrays[f"{split}_labels"] = np.arange(SAMPLES) % CLASSES
    return _study(network, Tokens(arrays, mean=(0.0,), std=(1.0,)), loss)


def _study(network: nn.Module, data: ImageData, loss: Loss) -> Study:
    return Study("zoo", "zoo", Card("zoo"), data, loss, "0" * 64, network.eval())


def _seeded(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build()


def imported(name: str) -> Any:
    """A package that imports torchvision, with an empty one in its place where there is none that can be imported."""
    if name in sys.modules:
        return sys.modules[name]
    try:
        importlib.import_module("torchvision")
    except Exception:  # it is missing, or its operators do not fit this torch
        _forget_torchvision()
    else:
        return importlib.import_module(name)
    for part in ("", *_PARTS):
        full = f"torchvision{part}"
        sys.modules[full] = _Empty(full)
        if part:
            above, _, last = full.rpartition(".")
            setattr(sys.modules[above], last, sys.modules[full])
    try:
        return importlib.import_module(name)
    finally:
        _forget_torchvision()


_PARTS = (".transforms", ".transforms.functional", ".ops", ".ops.misc", ".models", ".datasets")


def _forget_torchvision() -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == "torchvision"]:
        del sys.modules[name]


class _Empty(types.ModuleType):
    """A module in which every name is a class that cannot be used."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self.__spec__ = ModuleSpec(name, None)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = _Members(name, (nn.Module,), {"__module__": self.__name__})
        setattr(self, name, found)
        return found


class _Members(type):
    """A class that has members of every name, as an enumeration's are asked for."""

    def __getattr__(cls, name: str) -> str:
        if name.startswith("_"):
            raise AttributeError(name)
        return name
