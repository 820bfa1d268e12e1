"""A file from a stranger does not tell the stranger who opens it."""

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from explorer.studies.shipped.builtin import toml_path
from tests.e2e.conftest import App, serve, settle

PROFILE = "hawq-v3-resnet18"
_PICTURE = """address => new Promise(done => {
  Object.assign(new Image(), { onload: done, onerror: done, src: address });
})"""


@pytest.fixture
def stranger() -> Iterator[tuple[str, list[str]]]:
    """A server on another port of this machine: its address, and the paths it was asked for."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def app(stranger: tuple[str, list[str]], tmp_path: Path) -> Iterator[App]:
    """The app with a study whose author would like to know who looks at it."""
    address, _ = stranger
    study = tmp_path / "study"
    shutil.copytree(toml_path(PROFILE).parent, study)
    shutil.copytree(toml_path(PROFILE).parents[1] / "hawq-v3", tmp_path / "hawq-v3")
    toml = study / "study.toml"
    lines = toml.read_text(encoding="utf-8").splitlines()
    evil = {key: f'{key} = "![x]({address}/{key}.png)"' for key in ("title", "summary", "source", "licence")}
    toml.write_text("\n".join(evil.get(line.split(" =")[0], line) for line in lines), encoding="utf-8")
    with serve(tmp_path, EXPLORER_STUDIES=str(toml)) as running:
        yield replace(running, url=f"{running.url}/?study={quote(str(toml.resolve()))}")


def test_a_picture_in_a_studys_card_is_not_fetched(
    page: Page, app: App, stranger: tuple[str, list[str]]
) -> None:
    """The card is letters on every page; and if a picture were made of it, the browser would not fetch it."""
    address, asked = stranger
    for name in ("model", "sensitivity", "frontier"):
        page.goto(app.url.replace("/?", f"/{name}?"))
        expect(page.locator(".st-key-strip")).to_contain_text(f"![x]({address}/title.png)")
        settle(page)
        expect(page.locator(f'img[src*="{address}"]')).to_have_count(0)
    page.evaluate("address => fetch(address, {mode: 'no-cors'}).catch(() => null)", address)
    page.evaluate(_PICTURE, address)
    assert asked == []
