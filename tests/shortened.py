"""Shipped studies of other kinds with a few of their samples, so that a test goes the whole way with them."""

import shutil
from pathlib import Path

from explorer.studies.networks.language import CONTEXT
from explorer.studies.shipped.builtin import ASSETS

WINDOWS = 32
_PAIRS = """from explorer.studies.shipped.interactions import Pairs, synthetic, tensors


def splits():
    of = tensors(synthetic())
    few = {"train": slice(0, 50_000, 500), "test": slice(0, 12)}
    return {split: Pairs(*(part[few[split]] for part in parts)) for split, parts in of.items()} | {"noun": "sample"}
"""


def language_model(folder: Path) -> Path:
    """The small language model on the first words of its novel: 24 training sequences, 8 of the test."""
    text = _copied("tiny-language-model", folder).replace("test_share = 0.1", "test_share = 0.25")
    (folder / "study.toml").write_text(text, "utf-8")
    novel = (ASSETS / "tiny-language-model" / "text.txt").read_bytes()
    (folder / "text.txt").write_bytes(novel[: WINDOWS * CONTEXT + 1])
    return folder


def recommender(folder: Path) -> Path:
    """NeuMF on 100 training pairs and the candidates of 12 users."""
    text = _copied("ncf-synthetic", folder)
    old = "explorer.studies.shipped.interactions:synthetic_splits"
    assert old in text
    (folder / "study.toml").write_text(text.replace(old, "data.py:splits"), "utf-8")
    (folder / "data.py").write_text(_PAIRS, "utf-8")
    return folder


def _copied(name: str, folder: Path) -> str:
    """Make the folder with the weights of a shipped study; its description under the folder's name."""
    folder.mkdir()
    shutil.copy(ASSETS / name / "weights.safetensors", folder)
    return (ASSETS / name / "study.toml").read_text("utf-8").replace(f'"{name}"', f'"{folder.name}"')
