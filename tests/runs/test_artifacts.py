"""Artifacts, known by their content: exact, complete, and checked when read; in a folder or elsewhere."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.errors import RunError
from explorer.runs import RunContext, RunSpec, Store
from explorer.runs.artifacts import ArtifactFolder, ArtifactStore


@pytest.fixture
def files(tmp_path: Path) -> ArtifactFolder:
    return ArtifactFolder(tmp_path / "artifacts")


def test_tensors_come_back_exactly_whatever_their_dtype_and_layout(files: ArtifactFolder) -> None:
    draw = torch.Generator().manual_seed(1)
    base = torch.randn(3, 4, 5, 2, generator=draw)
    tensors = {
        "float32": base,
        "half": base.half(),
        "bfloat16": base.bfloat16(),
        "double": base.double() / 3,
        "int64": torch.tensor([2**62, -1]),
        "bool": torch.tensor([True, False]),
        "int8": torch.tensor([-128], dtype=torch.int8),
        "scalar": torch.tensor(7),
        "empty": torch.empty(0, 3),
        "nan": torch.tensor([float("nan"), float("inf"), -0.0]),
        "rng": draw.get_state(),
        "channels last": base.to(memory_format=torch.channels_last),
        "strided view": base[:, ::2].transpose(0, 1),
        "the same memory again": base,
        "parameter": torch.nn.Parameter(base[0]),
    }
    found = files.get_tensors(files.put_tensors(tensors))
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype, name
        assert found[name].shape == tensor.shape, name
        assert torch.equal(found[name].nan_to_num(1.5), tensor.detach().nan_to_num(1.5)), name
    torch.Generator().set_state(found["rng"])


def test_arrays_need_no_torch_and_keep_their_shape(files: ArtifactFolder) -> None:
    arrays = {"scalar": np.array(2.5), "matrix": np.arange(6).reshape(2, 3).T}
    found = files.get_arrays(files.put_tensors(arrays))
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array, strict=True)
    assert files.get_tensors(files.put_tensors({})) == {}


def test_the_same_content_is_one_file_without_leftovers(files: ArtifactFolder) -> None:
    first, second = files.put_bytes(b"x"), files.put_bytes(b"x")
    assert first == second
    assert [path for path in files.folder.rglob("*") if path.is_file()] == [files.path(first)]
    assert files.path(first) == files.folder / first[:2] / first[2:]


def test_a_damaged_file_is_named_and_never_used(files: ArtifactFolder) -> None:
    sha256 = files.put_bytes(b"twelve bytes")
    files.path(sha256).write_bytes(b"twelve bytez")
    with pytest.raises(RunError, match=str(files.path(sha256))):
        files.get_bytes(sha256)
    files.put_bytes(b"twelve bytes")
    assert files.get_bytes(sha256) == b"twelve bytes", "putting it again mends it"


def test_a_missing_file_is_named(files: ArtifactFolder) -> None:
    with pytest.raises(RunError, match="cannot be read"):
        files.get_bytes("0" * 64)


def test_numbers_among_tensors_are_refused(files: ArtifactFolder) -> None:
    with pytest.raises(RunError, match="'epoch' is a int among tensors"):
        files.put_tensors({"w": torch.zeros(1), "epoch": 3})  # type: ignore[dict-item]


class InMemory(ArtifactStore):
    """A place that is no folder: what an object store would be."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    def put_bytes(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        self.content[sha256] = data
        return sha256

    def get_bytes(self, sha256: str) -> bytes:
        return self.content[sha256]

    def has(self, sha256: str) -> bool:
        return sha256 in self.content

    def remove(self, sha256: str) -> None:
        self.content.pop(sha256, None)


def test_a_store_keeps_its_artifacts_wherever_it_is_told(tmp_path: Path) -> None:
    """Checkpoints and kept tensors go through the protocol's operations, and are swept by them."""
    place = InMemory()
    store = Store.open(home=tmp_path, artifacts=place)
    lease = store.claim(store.submit(RunSpec(kind="selftest", study="none", fingerprint="0")).id)
    context = RunContext(store, lease)
    context.save({"w": torch.ones(2)}, {"step": 1})
    context.save({"w": torch.zeros(2)}, {"step": 2})
    saved = context.restore()
    assert saved is not None
    assert torch.equal(saved.tensors["w"], torch.zeros(2))
    kept = context.keep("trained", {"w": torch.full((2,), 7.0)})
    assert len(place.content) == 3, "two checkpoints and what was kept"
    lease.finish({})
    assert list(place.content) == [kept]
    assert store.artifacts.get_arrays(kept)["w"].tolist() == [7.0, 7.0]
    store.delete(lease.run_id)
    assert place.content == {}
    assert not (tmp_path / "artifacts").exists()
    store.close()
