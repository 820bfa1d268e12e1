"""What is fuzzed: each target has an honest input, and takes one changed input to the end or to an `ExplorerError`."""

import contextlib
import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save as save_tensors

from explorer import cli, studies
from explorer.errors import ExplorerError
from explorer.plans import read_latency_csv, read_plan
from explorer.studies.data.archive import read_npz
from explorer.studies.toml import read_description
from explorer.studies.weights import read_weights
from explorer.ui.state import link
from tests import learnable
from tests.fuzz.making import draw, mutated, value

EVERY_KEY = b"""
name = "tiny"
kind = "network"
[model]
factory = "net.py:build"
weights = 'weights.safetensors'
fold_batch_norms = false
[data]
path = "data.npz"
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225] # per channel
[loss]
kind = "cross_entropy"
label_smoothing = 0.1
class_weights = [1.0, 2.0, 0.5]
[card]
title = \"\"\"A network\"\"\"
facts = {training = "10 epochs", "full test set" = "90 %"}
"""
PLAN = b"""{"version": 1, "study": "learnable", "name": "mine", "weights_sha256": "%s", "blocks": {%s},
"steps": {"layers": {"0": {"w_step": 0.1, "a_step": 2e-2, "a_signed": false}}, "bias_correction": "none"}}"""
CSV = b"block,w_bits,a_bits,milliseconds\n0,4,8,0.0613\n3,4,8,0.25\n6,8,8,1e-3\n11,8,32,0.125\n"


@dataclass(frozen=True)
class Target:
    """What one kind of input is put to.

    Attributes:
        run: takes the number of an input; raises `ExplorerError` where the input is refused.
        share: how many of the inputs of a whole run are of this kind, relative to the others.
        honest: an input as it should be, and
        take: what takes an input of any bytes, where there are such (see `tests.fuzz.guided`).
        child: every input starts a process that loads PyTorch, so that there are few and each takes seconds.
    """

    run: Callable[[int], None]
    share: float
    honest: Callable[[], bytes] | None = None
    take: Callable[[bytes], None] | None = None
    child: bool = False


def _changed(
    kind: str,
    share: float,
    honest: Callable[[], bytes],
    take: Callable[[bytes], None],
    *,
    child: bool = False,
) -> Target:
    """A target whose inputs are the honest one with some bytes changed."""
    return Target(lambda number: take(mutated(honest(), draw(kind, number))), share, honest, take, child)


@cache
def folder() -> Path:
    """A folder for the files of this process, with a study in it."""
    place = Path(tempfile.mkdtemp(prefix="fuzz-"))
    learnable.write(place / "study")
    return place


@cache
def study() -> studies.Study:
    return studies.load_network(folder() / "study")


def _file(name: str, content: bytes) -> Path:
    path = folder() / name
    path.write_bytes(content)
    return path


def _toml(content: bytes) -> None:
    read_description(_file("study.toml", content))


@cache
def _honest_profile() -> bytes:
    return (Path(studies.__file__).parent / "assets" / "hawq-v3" / "profiles.json").read_bytes()


def _profile(content: bytes) -> None:
    _file("profiles.json", content)
    toml = b'name = "p"\nkind = "profile"\n[profile]\npath = "profiles.json"\nnetwork = "resnet18"\n'
    studies.load(_file("profile.toml", toml))


@cache
def _honest_plan() -> bytes:
    blocks = ", ".join(f'"{block.name}": {{"w_bits": 4, "a_bits": 8}}' for block in study().blocks())
    return PLAN % (study().weights_sha256.encode(), blocks.encode())


def _plan(content: bytes) -> None:
    partitions = (study().blocks(), study().blocks("module"))
    plan, _ = read_plan(content, study=study(), partitions=partitions)
    plan.to_json()


def _csv(content: bytes) -> None:
    read_latency_csv(content, study().blocks())


def _link(content: bytes) -> None:
    """The plan in an address, which comes as text."""
    link.decode(content.decode("utf-8", "replace"), study(), [block.name for block in study().blocks()])


@cache
def _honest_npz(method: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, array in learnable.arrays().items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, array[:20], allow_pickle=False)
            archive.writestr(f"{name}.npy", entry.getvalue())
    return content.getvalue()


def _npz(number: int) -> None:
    """Bytes of the archive changed; or the entry of the images, in an archive that is sound."""
    chance = draw("npz", number)
    method = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
    honest = _honest_npz(method)
    if chance.random() < 0.5:
        _archive(mutated(honest, chance))
        return
    with zipfile.ZipFile(io.BytesIO(honest)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(list(entries))
    head, rest = entries[name][:128], entries[name][128:]
    entries[name] = mutated(head, chance) + rest
    with zipfile.ZipFile(folder() / "data.npz", "w", method) as archive:
        for each, content in entries.items():
            archive.writestr(each, content)
    read_npz(folder() / "data.npz")


def _archive(content: bytes) -> None:
    read_npz(_file("data.npz", content))


@cache
def _honest_safetensors() -> bytes:
    return save_tensors({name: tensor.contiguous() for name, tensor in study().network.state_dict().items()})


def _safetensors(number: int) -> None:
    honest, chance = _honest_safetensors(), draw("safetensors", number)
    length = 8 + int.from_bytes(honest[:8], "little")
    header = mutated(honest[8:length], chance)
    claimed = len(header) if chance.random() < 0.7 else chance.choice((0, 7, 2**24, 2**31, 2**62, 2**64 - 1))
    content = claimed.to_bytes(8, "little") + header + honest[length:]
    _weights(content)


def _weights(content: bytes) -> None:
    read_weights(_file("weights.safetensors", content))


@cache
def _honest_pt() -> bytes:
    content = io.BytesIO()
    torch.save(study().network.state_dict(), content)
    return content.getvalue()


def _pt(content: bytes) -> None:
    read_weights(_file("weights.pt", content))


COMMANDS: Mapping[str, tuple[str, ...]] = {
    "studies": (),
    "traces": ("--of", "--method", "--samples", "--rel-se", "--granularity", "--seed", "--probes"),
    "eigenvalues": ("--k", "--which", "--samples", "--tol", "--max-products", "--seed"),
    "spectrum": ("--block", "--steps", "--probes", "--samples", "--blur", "--seed"),
    "landscape": ("--block", "--directions", "--dims", "--points", "--radius", "--samples", "--bits", "--seed"),
    "frontier": ("--bits", "--cost", "--budget", "--budget-ratio", "--limit", "--tie", "--keep", "--min", "--a-bits",
                 "--first-last-at", "--latency", "--out", "--solver"),
    "evaluate": ("--plan", "--split", "--seed"),
    "finetune": ("--plan", "--method", "--epochs", "--batch-size", "--optimizer", "--learning-rate", "--seed",
                 "--preset", "--method-options", "--plans", "--methods", "--seeds", "--stages", "--warmup",
                 "--noise", "--keep"),
    "lapq": ("--w-bits", "--a-bits", "--calibration", "--leave", "--form", "--method", "--seed"),
    "lapq-hessian": ("--steps", "--how", "--calibration", "--seed"),
    "lapq-sweep": ("--sweep", "--sizes", "--seeds", "--steps"),
    "lapq-surface": ("--first", "--second", "--points"),
    "damage": ("--measure", "--bits", "--samples", "--step", "--seed"),
    "choose": ("--max-drop", "--bits", "--a-bits", "--axis", "--latency", "--limit", "--damage", "--samples", "--steps",
               "--out", "--seed", "--time-limit"),
    "proxy": ("--plans", "--samples", "--split", "--bits", "--a-bits", "--step"),
    "measure-frontier": ("--frontier", "--points", "--samples", "--split"),
    "export": ("--plan", "--format"),
    "fold": ("--out",),
}  # fmt: skip


def _options(number: int) -> None:
    """A command with one to three odd options, mostly to a study that is not there."""
    chance = draw("options", number)
    command = chance.choice(list(COMMANDS))
    words = [
        command,
        *(("--study", value(chance)) if chance.random() < 0.3 else ("--study", "no/such/study")),
    ]
    for option in chance.choices(COMMANDS[command] or ("--json",), k=chance.randint(1, 3)):
        words += [option, value(chance)]
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        status = cli.main(words)
    if status:
        raise _Refused(said.getvalue())


class _Refused(ExplorerError):
    """What a command said, as it said it."""

    def __init__(self, said: str) -> None:
        Exception.__init__(self, said.removesuffix("\n"))


TARGETS: dict[str, Target] = {
    "toml": _changed("toml", 5, lambda: EVERY_KEY, _toml),
    "profile": _changed("profile", 1, _honest_profile, _profile),
    "plan": _changed("plan", 5, _honest_plan, _plan),
    "csv": _changed("csv", 3, lambda: CSV, _csv),
    "link": _changed("link", 2, lambda: b"4.4.2.8_8.8.8.8", _link),
    "npz": Target(_npz, 3, lambda: _honest_npz(zipfile.ZIP_STORED), _archive),
    "safetensors": Target(_safetensors, 2, _honest_safetensors, _weights),
    "options": Target(_options, 1),
    "pt": _changed("pt", 0.02, _honest_pt, _pt, child=True),
}
