"""Fetching from a server of our own on the loopback: what arrives whole is kept, all else leaves nothing."""

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from explorer import studies
from explorer.errors import StudyError
from explorer.places import data_home
from explorer.studies.networks.small import cifar10_resnet20
from explorer.studies.shipped.builtin import CIFAR
from explorer.studies.shipped.fetch import PUBLIC, CifarSources, Source, fetch

RECORDS = 1020  # three more than are kept
MEMBERS = [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]


def batch(number: int) -> np.ndarray:
    """Records of known bytes: pixel (c, y, x) of image n in batch b is (b + n + 7c + 3y + x) mod 251."""
    n, c, y, x = np.ogrid[:RECORDS, :3, :32, :32]
    pixels = ((number + n + 7 * c + 3 * y + x) % 251).astype(np.uint8).reshape(RECORDS, -1)
    labels = ((np.arange(RECORDS) + number) % 10).astype(np.uint8)
    return np.concatenate([labels[:, None], pixels], axis=1)


def tar_gz(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture(scope="module")
def published() -> dict[str, bytes]:
    members = {f"{name}.bin": batch(number).tobytes() for number, name in enumerate(MEMBERS)}
    state = {f"module.{k}": v for k, v in cifar10_resnet20().state_dict().items() if "num_batches" not in k}
    weights = io.BytesIO()
    torch.save({"state_dict": state, "best_prec1": 91.7}, weights)
    archive = tar_gz({"readme.html": b"CIFAR", **members, "../../outside.bin": b"x"})
    return {"/images.tar.gz": archive, "/weights.th": weights.getvalue()}


class Server(ThreadingHTTPServer):
    files: dict[str, bytes]
    cut: int | None = None  # bytes after which the connection is dropped
    served: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.served.append(self.path)
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: self.server.cut])

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def server(published: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("EXPLORER_DATA", raising=False)
    server = Server(("127.0.0.1", 0), Handler)
    server.files, server.served = dict(published), []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def known_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what is about the images: the weights need no process that loads PyTorch to read them."""
    state = cifar10_resnet20().state_dict()
    monkeypatch.setattr("explorer.studies.shipped.fetch.read_weights", lambda path: state)


def sources(server: Server) -> CifarSources:
    """Sources whose checksums are those of what the server has now."""
    address = f"http://127.0.0.1:{server.server_port}"
    images = server.files.get("/images.tar.gz", b"")
    weights = server.files.get("/weights.th", b"")
    return CifarSources(
        images=Source(f"{address}/images.tar.gz", "md5", hashlib.md5(images).hexdigest(), 2**26),
        weights=Source(f"{address}/weights.th", "sha256", hashlib.sha256(weights).hexdigest(), 2**24),
        timeout_seconds=600,
    )


def refused(asked: CifarSources, said: str) -> None:
    """One sentence, and not a byte left behind."""
    with pytest.raises(StudyError, match=said):
        fetch(CIFAR, sources=asked)
    assert [path for path in data_home().rglob("*") if path.is_file()] == []


def test_what_is_fetched_is_a_study(server: Server) -> None:
    told: list[tuple[float, str]] = []
    folder = fetch(
        CIFAR, sources=sources(server), progress=lambda fraction, message: told.append((fraction, message))
    )
    assert sorted(path.name for path in folder.iterdir()) == [
        "cifar10_subset.npz",
        "resnet20_cifar10.safetensors",
    ]
    assert not list(data_home().rglob("outside.bin"))

    with np.load(folder / "cifar10_subset.npz") as archive:
        arrays = {key: archive[key] for key in archive.files}
    assert {key: (array.shape, array.dtype.name) for key, array in arrays.items()} == {
        "train_images": ((5085, 32, 32, 3), "uint8"),
        "train_labels": ((5085,), "uint8"),
        "test_images": ((1017, 32, 32, 3), "uint8"),
        "test_labels": ((1017,), "uint8"),
    }
    for number, n, y, x, c in ((0, 0, 0, 0, 0), (2, 1016, 31, 5, 2), (4, 500, 7, 30, 1)):
        assert arrays["train_images"][1017 * number + n, y, x, c] == (number + n + 7 * c + 3 * y + x) % 251
        assert arrays["train_labels"][1017 * number + n] == (n + number) % 10
    assert arrays["test_images"][3, 2, 1, 0] == (5 + 3 + 3 * 2 + 1) % 251

    names = set(load_file(folder / "resnet20_cifar10.safetensors"))
    assert {"conv1.weight", "bn1.running_var", "layer1.0.conv1.weight", "linear.bias"} <= names

    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < 0.1
    assert fractions[-1] == 1.0
    assert len({message for _, message in told}) >= 4

    assert studies.load_network(CIFAR).data.size("train") == 5085
    asked = len(server.served)
    fetch(CIFAR, sources=sources(server))
    assert len(server.served) == asked  # what is here is not downloaded again


@pytest.mark.parametrize("part", ["images", "weights"])
def test_a_wrong_checksum_keeps_nothing(server: Server, part: str) -> None:
    asked = sources(server)
    wrong = replace(getattr(asked, part), checksum="0" * 32)
    refused(replace(asked, **{part: wrong}), "checksum .* and 00000000000000000000000000000000 was published")


@pytest.mark.parametrize("path", ["/images.tar.gz", "/weights.th"])
def test_a_missing_file_names_its_address(server: Server, path: str) -> None:
    del server.files[path]
    refused(sources(server), f"127.0.0.1:{server.server_port}{path} answers 404 .*set EXPLORER_DATA")


def test_a_connection_that_breaks_off(server: Server) -> None:
    server.cut = 1000
    refused(sources(server), r"broke off after 1,000 of [\d,]+ bytes; fetch it again|cannot be reached")


def test_a_server_that_is_not_there(server: Server) -> None:
    asked = sources(server)
    nowhere = replace(asked.weights, url="http://127.0.0.1:1/weights.th")
    refused(replace(asked, weights=nowhere), "127.0.0.1:1/weights.th cannot be reached .*check the network")


@pytest.mark.usefixtures("known_weights")
def test_a_file_that_never_ends_is_given_up(server: Server) -> None:
    asked = sources(server)
    refused(replace(asked, images=replace(asked.images, most_bytes=1000)), "is larger than 1,000 bytes")


@pytest.mark.usefixtures("known_weights")
def test_a_truncated_archive(server: Server) -> None:
    whole = server.files["/images.tar.gz"]
    server.files["/images.tar.gz"] = whole[: len(whole) // 2]
    refused(sources(server), "the CIFAR-10 archive is damaged or cut short")


@pytest.mark.usefixtures("known_weights")
def test_an_archive_that_is_none(server: Server) -> None:
    server.files["/images.tar.gz"] = b"<html>Please log in</html>"
    refused(sources(server), "the CIFAR-10 archive is damaged or cut short")


@pytest.mark.usefixtures("known_weights")
def test_an_archive_without_a_batch(server: Server) -> None:
    server.files["/images.tar.gz"] = tar_gz({"data_batch_1.bin": batch(0).tobytes()})
    refused(sources(server), "has no cifar-10-batches-bin/data_batch_2.bin; it must be the binary version")


@pytest.mark.usefixtures("known_weights")
def test_a_batch_that_is_too_short(server: Server) -> None:
    server.files["/images.tar.gz"] = tar_gz({"data_batch_1.bin": b"\0" * 3073})
    refused(sources(server), "data_batch_1.bin in the CIFAR-10 archive is cut short")


def test_weights_that_are_no_state_dict(server: Server) -> None:
    server.files["/weights.th"] = b"anything"
    refused(sources(server), "cannot be read as a plain state dict")


def test_a_home_that_cannot_be_written(server: Server) -> None:
    data_home().parent.mkdir(parents=True)
    data_home().write_bytes(b"a file where the folder should be")
    with pytest.raises(StudyError, match="cannot be written"):
        fetch(CIFAR, sources=sources(server))


@pytest.mark.parametrize(
    ("name", "said"),
    [("fashion-resnet20", "ships with the project"), ("x", "is not one of the built-in studies")],
)
def test_only_cifar_is_fetched(name: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        fetch(name)


def test_the_public_sources_are_the_published_ones() -> None:
    assert PUBLIC.images.checksum == "c32a1d4ab5d03f1284b67883e8d87530"
    assert PUBLIC.weights.checksum.startswith(PUBLIC.weights.url.rpartition("-")[2].removesuffix(".th"))
    assert all(source.url.startswith("https://") for source in (PUBLIC.images, PUBLIC.weights))
