"""Files known by their content: exact, complete, and checked when read."""

from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.errors import RunError
from explorer.runs.artifacts import Artifacts


@pytest.fixture
def files(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts")


def test_tensors_come_back_exactly_whatever_their_dtype_and_layout(files: Artifacts) -> None:
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


def test_arrays_need_no_torch_and_keep_their_shape(files: Artifacts) -> None:
    arrays = {"scalar": np.array(2.5), "matrix": np.arange(6).reshape(2, 3).T}
    found = files.get_arrays(files.put_tensors(arrays))
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array, strict=True)
    assert files.get_tensors(files.put_tensors({})) == {}


def test_the_same_content_is_one_file_without_leftovers(files: Artifacts) -> None:
    first, second = files.put_bytes(b"x"), files.put_bytes(b"x")
    assert first == second
    assert [path for path in files.folder.rglob("*") if path.is_file()] == [files.path(first)]
    assert files.path(first) == files.folder / first[:2] / first[2:]


def test_a_damaged_file_is_named_and_never_used(files: Artifacts) -> None:
    sha256 = files.put_bytes(b"twelve bytes")
    files.path(sha256).write_bytes(b"twelve bytez")
    with pytest.raises(RunError, match=str(files.path(sha256))):
        files.get_bytes(sha256)
    files.put_bytes(b"twelve bytes")
    assert files.get_bytes(sha256) == b"twelve bytes", "putting it again mends it"


def test_a_missing_file_is_named(files: Artifacts) -> None:
    with pytest.raises(RunError, match="cannot be read"):
        files.get_bytes("0" * 64)


def test_numbers_among_tensors_are_refused(files: Artifacts) -> None:
    with pytest.raises(RunError, match="'epoch' is a int among tensors"):
        files.put_tensors({"w": torch.zeros(1), "epoch": 3})  # type: ignore[dict-item]
