"""The app's settings: Streamlit ignores a file that it cannot read, and its own defaults are open."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_app_keeps_to_this_machine() -> None:
    """Loopback only, no other page's name for it, no statistics sent; and the file is valid TOML."""
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["server"]["address"] == "127.0.0.1"
    assert set(settings["server"]["allowedHosts"]) == {"127.0.0.1", "localhost"}
    assert settings["server"]["maxUploadSize"] == 5
    assert settings["client"]["allowedOrigins"] == []
    assert settings["browser"]["gatherUsageStats"] is False


def test_a_poll_does_not_walk_every_object() -> None:
    """By default Streamlit collects garbage after each poll of each tab: 0.3 s of CPU with PyTorch, for 0.01 s."""
    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["runner"]["postScriptGC"] is False
