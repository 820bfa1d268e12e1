"""A wheel, built from the source archive and installed far from the repository, starts the app and opens every page."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
import venv
import zipfile
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    "explorer",
    "app.py",
    "pages",
    "docs",
    ".streamlit",
    "pyproject.toml",
    "setup.py",
    "MANIFEST.in",
    "README.md",
    "LICENSE",
)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NO_STUDY = ("start", "glossary", "own_study", "course", "lesson_01")  # pages without the strip
PATIENCE = 300.0  # seconds that a healthy server or worker is waited for at most, on a slow machine


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as ``python -m build`` does: a source archive first, and the wheel from that alone."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        _copy(ROOT / name, source / name)
    archive = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    _done([sys.executable, "-c", archive, str(folder)], source)
    [made] = folder.glob("*.tar.gz")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    _done([sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(folder), str(made)], folder)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, and the other packages of the one that tests; its folder of commands.

    A line of a ``.pth`` file adds a folder without obeying the ``.pth`` files in it, so an editable install of the
    repository stays behind.
    """
    folder = tmp_path_factory.mktemp("elsewhere") / "environment"
    venv.create(folder, with_pip=False, symlinks=os.name == "posix")
    commands = folder / ("bin" if os.name == "posix" else "Scripts")
    python = commands / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install"]
    _done([*pip, "--no-deps", "--no-index", "--quiet", str(wheel)], folder)
    [packages] = {Path(path) for path in _paths(python) if path.endswith("site-packages")}
    (packages / "others.pth").write_text("\n".join(_site_packages()) + "\n", encoding="utf-8")
    return commands


def test_every_file_of_the_package_and_of_the_app_is_in_the_wheel(wheel: Path) -> None:
    """Scripts, pictures, migrations, the shipped studies: what a clone has, an install has."""
    wanted = {str(path.relative_to(ROOT)) for path in (ROOT / "explorer").rglob("*") if _belongs(path)}
    wanted |= {f"explorer/app/{path.relative_to(ROOT)}" for path in (ROOT / "pages").glob("*.py")}
    wanted |= {"explorer/app/app.py", "explorer/app/.streamlit/config.toml", "explorer/app/docs/own-study.md"}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == wanted


def test_the_installed_app_opens_every_page_and_its_workers_work(installed: Path, tmp_path: Path) -> None:
    """In another folder, with the study that is shipped: pages are drawn, and the accuracy asked for is computed."""
    script = tmp_path / "every_page.py"
    script.write_bytes(Path(__file__).with_name("every_page.py").read_bytes())
    command = [str(installed / "python"), str(script), str(ROOT), str(PATIENCE)]
    found = json.loads(_done(command, tmp_path, **_environment(tmp_path)).splitlines()[-1])
    assert Path(found["package"]).is_relative_to(installed.parent)
    assert found["from the repository"] == [path for path in _site_packages() if path.startswith(str(ROOT))]
    assert found["there"] == sorted(path.stem for path in (ROOT / "pages").glob("*.py"))
    for page, shown in found["pages"].items():
        assert shown["wrong"] == [], page
        assert shown["titles"], page
        assert shown["study"] == ([] if page in NO_STUDY else ["ResNet-20 on Fashion-MNIST"]), page
    assert found["runs"] == [["evaluate", "done", None]]


def test_the_installed_command_serves_this_computer_only(installed: Path, tmp_path: Path) -> None:
    """``mixed-precision-explorer app`` answers on loopback, whatever the environment says about Streamlit."""
    port = _free_port()
    log = tmp_path / "server.log"
    environment = _environment(tmp_path) | {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0"}
    with log.open("wb") as output:
        server = subprocess.Popen(
            [str(installed / "mixed-precision-explorer"), "app", "--port", str(port)],
            cwd=tmp_path,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until = time.monotonic() + PATIENCE
        while not _healthy(port):
            assert server.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < until, log.read_text(encoding="utf-8")
            time.sleep(0.1)
        listening = [each for each in psutil.Process(server.pid).net_connections() if each.status == "LISTEN"]
        assert {(each.laddr.ip, each.laddr.port) for each in listening} == {("127.0.0.1", port)}
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/frontier", timeout=PATIENCE) as answer:
            assert b"<title>Streamlit</title>" in answer.read()
    finally:
        server.terminate()
        server.wait()


def _copy(source: Path, target: Path) -> None:
    files = [path for path in source.rglob("*") if _belongs(path)] if source.is_dir() else [source]
    for path in files:
        copy = target / path.relative_to(source) if source.is_dir() else target
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())


def _belongs(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _done(command: list[str], folder: Path, **environment: Any) -> str:
    clean = environment or {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(command, cwd=folder, env=clean, capture_output=True, check=False, text=True)
    assert ended.returncode == 0, f"{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    return ended.stdout


def _environment(home: Path) -> dict[str, str]:
    """As the tests have it, with a home of its own and nothing of the repository."""
    left_out = ("PYTHONPATH", "EXPLORER_DATABASE", "EXPLORER_STUDIES", "EXPLORER_DATA")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return kept | {"EXPLORER_HOME": str(home / "home"), "HOME": str(home)}


def _paths(python: Path) -> list[str]:
    return list(
        json.loads(_done([str(python), "-c", "import json, sys; print(json.dumps(sys.path))"], python.parent))
    )


def _site_packages() -> list[str]:
    return [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
