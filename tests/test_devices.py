"""Devices: which is chosen by its name, and the sentence where it is not there."""

import pytest

from explorer import devices
from explorer.errors import DeviceError


@pytest.fixture(autouse=True)
def _unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(devices.VARIABLE, raising=False)


def _with(monkeypatch: pytest.MonkeyPatch, *, gpus: int = 0, mps: bool = False) -> None:
    monkeypatch.setattr(devices, "_gpus", lambda: gpus)
    monkeypatch.setattr(devices, "_has_mps", lambda: mps)


@pytest.mark.parametrize(
    ("gpus", "mps", "named", "device"),
    [
        (0, False, None, "cpu"),
        (2, False, None, "cpu"),
        (0, False, "auto", "cpu"),
        (2, False, "auto", "cuda:0"),
        (0, True, "auto", "mps"),
        (2, False, "cuda", "cuda:0"),
        (2, False, "CUDA:1", "cuda:1"),
        (1, True, "mps", "mps"),
    ],
)
def test_a_device_is_chosen_by_its_name(
    gpus: int, mps: bool, named: str | None, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with(monkeypatch, gpus=gpus, mps=mps)
    assert devices.chosen(named) == device


def test_the_environment_says_what_is_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker takes it over from who starts it; what a command is given goes before it."""
    _with(monkeypatch, gpus=1)
    monkeypatch.setenv(devices.VARIABLE, "auto")
    assert (devices.chosen(), devices.chosen("cpu")) == ("cuda:0", "cpu")
    assert devices.available() == ("cpu", "cuda:0")


@pytest.mark.parametrize(
    ("gpus", "named", "words"),
    [
        (0, "cuda", r"cuda is not available: .*, use --device cpu"),
        (0, "mps", r"mps is not available: PyTorch finds no Apple GPU on this computer, use --device cpu"),
        (2, "cuda:2", r"cuda:2 is not available: this computer has cuda:0, cuda:1, use --device cpu"),
        (0, "tpu", r"'tpu' is no device; use auto, cpu, cuda, cuda:N or mps"),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(
    gpus: int, named: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with(monkeypatch, gpus=gpus)
    with pytest.raises(DeviceError, match=words):
        devices.chosen(named)
    monkeypatch.setenv(devices.VARIABLE, named)
    with pytest.raises(DeviceError, match="is no" if named == "tpu" else words):
        devices.chosen()
