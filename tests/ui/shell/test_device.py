"""Where runs are computed: a line where there is one device, a choice where there are several."""

import os

import pytest

from explorer import devices
from tests.ui.conftest import Opens


def test_one_device_is_a_line(opens: Opens, toml: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "available", lambda: ("cpu",))
    page = opens("model", study=toml)
    assert "Networks run on the CPU." in [each.value for each in page.sidebar.caption]
    assert "Device" not in [each.label for each in page.sidebar.selectbox]


def test_of_several_one_is_chosen_for_runs_that_begin(
    opens: Opens, toml: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers take it over from this process, and so does every session of it."""
    monkeypatch.setattr(devices, "available", lambda: ("cpu", "cuda:0"))
    monkeypatch.setenv(devices.VARIABLE, "cpu")
    page = opens("model", study=toml)
    picker = next(each for each in page.sidebar.selectbox if each.label == "Device")
    assert (picker.options, picker.value) == (["cpu", "cuda:0"], "cpu")
    picker.set_value("cuda:0").run()
    assert not page.exception
    assert os.environ[devices.VARIABLE] == "cuda:0"
    assert devices.chosen() == "cuda:0"
