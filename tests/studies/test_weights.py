"""Weights that a person brings are checked, and a pickle among them is never executed."""

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file, save_model
from torch import nn

from explorer import studies
from explorer.errors import StudyError
from explorer.studies.weights import load_into, read_weights


def sentence(folder: Any) -> str:
    with pytest.raises(StudyError) as caught:
        studies.load(folder.path)
    return str(caught.value)


def without(tensors: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in tensors.items() if key != name}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: without(t, "0.weight"), "it lacks 0.weight"),
        (lambda t: {**t, "5.weight": torch.zeros(2)}, "it has 5.weight, which the network does not know"),
        (lambda t: {**without(t, "4.bias"), "b": torch.zeros(3)}, "it lacks 4.bias and has b"),
        (
            lambda t: {**t, "4.weight": torch.zeros(3, 5)},
            "4.weight has shape (3, 5) and the network needs (3, 64)",
        ),
        (
            lambda t: {**t, "4.bias": torch.tensor([1.0, float("nan"), 0.0])},
            "4.bias holds a value that is not finite",
        ),
        (lambda t: {**t, "4.bias": torch.tensor([1e300, 0, 0], dtype=torch.float64)}, "4.bias holds a value"),
        (lambda t: {**t, "4.bias": torch.tensor([1, 2, 3])}, "4.bias is torch.int64 and the network needs"),
    ],
)
def test_weights_that_do_not_fit_say_where(folder: Any, change: Any, said: str) -> None:
    assert said in sentence(folder.weights(change))


def test_batch_counters_may_be_missing(folder: Any) -> None:
    folder.weights(lambda t: without(t, "1.num_batches_tracked"))
    assert studies.load(folder.path).name == "tiny"


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 40, b"\xff" * 8 + b"{}"], ids=["empty", "zeros", "huge header"]
)
def test_damaged_safetensors(folder: Any, content: bytes) -> None:
    (folder.path / "weights.safetensors").write_bytes(content)
    assert "is not a safetensors file" in sentence(folder)


def test_truncated_safetensors(folder: Any) -> None:
    path = folder.path / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    assert "is not a safetensors file" in sentence(folder)


def test_an_unknown_ending(tmp_path: Path) -> None:
    (tmp_path / "weights.h5").write_bytes(b"x")
    with pytest.raises(StudyError, match=r"must end in \.safetensors, \.pt or \.pth"):
        read_weights(tmp_path / "weights.h5")


def test_data_parallel_names_lose_their_prefix_in_safetensors_too(folder: Any) -> None:
    folder.weights(lambda t: {f"module.{name}": tensor for name, tensor in t.items()})
    assert studies.load(folder.path).name == "tiny"


def test_a_network_of_ones_own_may_call_a_child_module(tmp_path: Path) -> None:
    network = nn.ModuleDict({"module": nn.Linear(2, 2)})
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    load_into(network, read_weights(tmp_path / "w.safetensors"), "w.safetensors")


def test_a_tied_weight_may_be_stored_once(tmp_path: Path) -> None:
    """safetensors drops the second name of a shared tensor; the network still loads whole."""
    a, b = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
    network = nn.ModuleDict({"a": a, "b": b})
    b.weight = a.weight
    save_model(network, str(tmp_path / "w.safetensors"))
    wanted = a.weight.detach().clone()
    with torch.no_grad():
        a.weight.zero_()
    load_into(network, read_weights(tmp_path / "w.safetensors"), "w.safetensors")
    assert torch.equal(b.weight, wanted)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "before 1.6"])
def test_a_state_dict_in_a_pt_file_loads(tmp_path: Path, legacy: bool) -> None:
    """Wrapped as training scripts wrap it, and with the names that DataParallel gives."""
    state = OrderedDict((f"module.{k}", v) for k, v in nn.Linear(3, 2).state_dict().items())
    path = tmp_path / "weights.pt"
    torch.save({"state_dict": state, "best": 91.7}, path, _use_new_zipfile_serialization=not legacy)
    tensors = read_weights(path)
    assert set(tensors) == {"weight", "bias"}
    assert torch.equal(tensors["weight"], state["module.weight"])


class Attack:
    """Unpickling this creates a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("form", ["torch", "pickle"])
def test_a_malicious_pt_file_is_refused_and_not_executed(tmp_path: Path, form: str) -> None:
    proof, path = tmp_path / "executed", tmp_path / "weights.pt"
    if form == "torch":
        torch.save({"weight": Attack(proof)}, path)
    else:
        path.write_bytes(pickle.dumps({"weight": Attack(proof)}))
    with pytest.raises(
        StudyError, match=r"state dict: it (holds more than tensors|is damaged, or no file)"
    ) as caught:
        read_weights(path)
    assert not proof.exists()
    assert "weights_only" not in str(caught.value), "PyTorch advises to load it in a way that executes it"


def test_a_whole_pickled_network_is_refused(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "weights.pth")
    with pytest.raises(
        StudyError, match=r"\(torch.nn.modules.linear.Linear\).*save model.state_dict\(\) instead"
    ):
        read_weights(tmp_path / "weights.pth")


def test_a_torchscript_program_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py", "version"):
            archive.writestr(f"net/{name}", b"3\n")
    with pytest.raises(StudyError, match=r"holds a TorchScript program; save model.state_dict\(\) instead"):
        read_weights(path)


@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "it begins like a web page"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
            "it is a pointer of Git LFS",
        ),
        (b"just some words, no weights\n", "it is text"),
    ],
)
def test_a_file_that_is_something_else(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StudyError, match=said):
        read_weights(tmp_path / name)


def test_a_header_of_very_many_tensors_is_not_parsed(tmp_path: Path) -> None:
    """A parser makes gigabytes of the hundred megabytes that the format allows."""
    path = tmp_path / "weights.safetensors"
    for text, said in (
        (b'{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},' * 101_000, "more than 100,000 tensors"),
        (b'{"a": 1' + b" " * 10_000_000 + b"}", "has a header of 10 MB"),
        (b"{" * 9_000_000, "its header and its data do not agree"),
    ):
        path.write_bytes(len(text).to_bytes(8, "little") + text)
        with pytest.raises(StudyError, match=said):
            read_weights(path)


@pytest.mark.parametrize("content", [[1, 2], {"a": 3}], ids=["list", "numbers"])
def test_a_pt_file_without_tensors_is_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "weights.pt")
    with pytest.raises(StudyError, match="must hold a dict of names and tensors"):
        read_weights(tmp_path / "weights.pt")


def test_a_tensor_that_claims_more_than_it_stores_is_refused(tmp_path: Path) -> None:
    """Four bytes with a stride of 0 look like 4 GB; copying them would fill the memory."""
    torch.save({"weight": torch.zeros(1).expand(10**9)}, tmp_path / "weights.pt")
    with pytest.raises(StudyError, match="claims more data than it holds"):
        read_weights(tmp_path / "weights.pt")


def test_a_compressed_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", b"\0" * 10**6)
    with pytest.raises(StudyError, match="is not a PyTorch archive"):
        read_weights(path)


def test_a_flipped_bit_is_refused_with_the_name_of_its_entry(tmp_path: Path) -> None:
    """PyTorch reads it without a word: a weight was off by 0.465."""
    path = tmp_path / "weights.pt"
    weight = torch.arange(1.0, 400.0)
    torch.save({"weight": weight}, path)
    content = bytearray(path.read_bytes())
    place = content.index(weight.numpy().tobytes()) + 803
    content[place] ^= 0x40
    path.write_bytes(content)
    changed = torch.load(path, weights_only=True)["weight"]
    assert not torch.equal(changed, weight)
    with pytest.raises(StudyError, match=r"is damaged: its entry \S+/data/0 does not match its checksum"):
        read_weights(path)


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(nn.Linear(3, 3).state_dict(), path)
    content = path.read_bytes()
    for damaged in (b"", content[:300], b"junk" * 50, content.replace(b"PK\x01\x02", b"PK\x09\x09")):
        path.write_bytes(damaged)
        with pytest.raises(StudyError):
            read_weights(path)
