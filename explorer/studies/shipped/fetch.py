"""Fetching the files of ``cifar10-resnet20``: the one built-in study whose images may not be shipped.

The images come from the binary archive of CIFAR-10 (Krizhevsky 2009), whose MD5 its page publishes; the
network from github.com/akamaster/pytorch_resnet_cifar10, whose file name carries the first digits of its
SHA-256. What is kept is the first 1,017 images of each of the five training batches and of the test batch,
and the weights as safetensors. Everything is downloaded and checked in a temporary folder; a finished file is
renamed into place, so a file that is there is whole.
"""

import hashlib
import http.client
import os
import ssl
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.torch import save_file

from explorer.errors import StudyError
from explorer.places import data_home
from explorer.studies.shipped.builtin import CIFAR, CIFAR_FILES, NAMES
from explorer.studies.weights import read_weights

Progress = Callable[[float, str], None]

IMAGES_PER_BATCH = 1017
TRAIN_BATCHES = tuple(f"cifar-10-batches-bin/data_batch_{number}.bin" for number in range(1, 6))
TEST_BATCH = "cifar-10-batches-bin/test_batch.bin"
_SHAPE = (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32  # one label, then the red, green and blue planes
_CHUNK = 2**18


@dataclass(frozen=True)
class Source:
    """One public file.

    Attributes:
        url: where it is.
        algorithm: ``md5`` or ``sha256``.
        checksum: its hexadecimal digest.
        most_bytes: a download that grows larger is given up.
    """

    url: str
    algorithm: str
    checksum: str
    most_bytes: int


@dataclass(frozen=True)
class CifarSources:
    """Where the images and the weights come from, and how long a silent server is waited for."""

    images: Source
    weights: Source
    timeout_seconds: float = 30.0


PUBLIC = CifarSources(
    images=Source(
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        "md5",
        "c32a1d4ab5d03f1284b67883e8d87530",
        most_bytes=256 * 2**20,
    ),
    weights=Source(
        "https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models/resnet20-12fca82f.th",
        "sha256",
        "12fca82f0bebc4135bf1f32f6e3710e61d5108578464b84fd6d7f5c1b04036c8",
        most_bytes=16 * 2**20,
    ),
)


def fetch(name: str, *, sources: CifarSources = PUBLIC, progress: Progress | None = None) -> Path:
    """Download a study's files, check them, and put them where ``studies.load`` looks.

    Args:
        name: ``cifar10-resnet20``.
        progress: told the fraction done, in [0, 1], and what is being done.

    Returns:
        The folder that holds the files; when they are there already nothing is downloaded.

    Raises:
        StudyError: the study has nothing to fetch, a download failed, or a file is not what was published.
    """
    if name != CIFAR:
        known = "ships with the project" if name in NAMES else "is not one of the built-in studies"
        raise StudyError(f"the study {name!r} {known}, so there is nothing to fetch; only {CIFAR} is fetched")
    report = progress or (lambda fraction, message: None)
    folder = data_home() / "cifar10"
    images, weights = (folder / file for file in CIFAR_FILES)
    if not (images.is_file() and weights.is_file()):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as temporary:
                _fetch_into(Path(temporary), images, weights, sources, report)
        except OSError as error:
            raise StudyError(
                f"{folder} cannot be written: {error.strerror or error}; free or choose a disk"
            ) from error
    report(1.0, "ready")
    return folder


def _fetch_into(
    temporary: Path, images: Path, weights: Path, sources: CifarSources, report: Progress
) -> None:
    """The small file first, so that a network that is not there is noticed at once."""
    state_dict, archive = temporary / "weights.th", temporary / "images.tar.gz"
    _download(
        sources.weights,
        state_dict,
        sources.timeout_seconds,
        _part(report, 0.0, 0.02, "downloading the network"),
    )
    tensors = read_weights(state_dict)
    _download(
        sources.images, archive, sources.timeout_seconds, _part(report, 0.02, 0.95, "downloading the images")
    )
    report(0.95, "reading the images")
    arrays = read_cifar(archive)
    report(0.98, "writing the files")
    for target in (images, weights):
        whole = temporary / target.name
        if target is images:
            np.savez_compressed(whole, allow_pickle=False, **arrays)
        else:
            save_file(tensors, whole)
        _keep(whole, target)


def read_cifar(archive: Path) -> dict[str, np.ndarray]:
    """The first images of every batch of CIFAR-10's binary archive, read by name and never unpacked.

    Returns:
        ``train_images`` (5085, 32, 32, 3) and ``test_images`` (1017, 32, 32, 3) uint8, with their labels.

    Raises:
        StudyError: the archive is damaged or lacks a batch.
    """
    batches: dict[str, np.ndarray] = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                if member.name not in (*TRAIN_BATCHES, TEST_BATCH) or not member.isfile():
                    continue
                stream = tar.extractfile(member)
                content = stream.read(IMAGES_PER_BATCH * _RECORD) if stream else b""
                if len(content) < IMAGES_PER_BATCH * _RECORD:
                    raise StudyError(f"{member.name} in the CIFAR-10 archive is cut short; fetch it again")
                batches[member.name] = np.frombuffer(content, dtype=np.uint8).reshape(
                    IMAGES_PER_BATCH, _RECORD
                )
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise StudyError(f"the CIFAR-10 archive is damaged or cut short ({error}); fetch it again") from error
    if missing := [name for name in (*TRAIN_BATCHES, TEST_BATCH) if name not in batches]:
        raise StudyError(f"the CIFAR-10 archive has no {missing[0]}; it must be the binary version")
    train = np.concatenate([batches[name] for name in TRAIN_BATCHES])
    return {**_split("train", train), **_split("test", batches[TEST_BATCH])}


def _split(split: str, records: np.ndarray) -> dict[str, np.ndarray]:
    images = records[:, 1:].reshape(-1, *_SHAPE).transpose(0, 2, 3, 1)
    return {f"{split}_images": np.ascontiguousarray(images), f"{split}_labels": records[:, 0].copy()}


def _download(source: Source, target: Path, timeout: float, report: Callable[[float], None]) -> None:
    """Stream a file to ``target`` and compare its checksum."""
    digest = hashlib.new(source.algorithm, usedforsecurity=False)
    received, announced = 0, None
    request = urllib.request.Request(source.url, headers={"User-Agent": "mixed-precision-explorer"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response, target.open("wb") as file:
            length = response.headers.get("Content-Length", "")
            announced = int(length) if length.isdecimal() else None
            while chunk := response.read(_CHUNK):
                received += len(chunk)
                if received > source.most_bytes:
                    raise StudyError(
                        f"{source.url} is larger than {source.most_bytes:,} bytes, so it is not "
                        f"the published file"
                    )
                digest.update(chunk)
                file.write(chunk)
                report(min(received / announced, 1.0) if announced else 0.0)
    except urllib.error.HTTPError as error:
        raise StudyError(
            f"{source.url} answers {error.code} {error.reason}; try again later, or {_BY_HAND}"
        ) from error
    except (
        urllib.error.URLError,
        TimeoutError,
        ConnectionError,
        ssl.SSLError,
        http.client.HTTPException,
    ) as error:
        named = error.reason if isinstance(error, urllib.error.URLError | ssl.SSLError) else ""
        reason = named or error
        raise StudyError(
            f"{source.url} cannot be reached ({reason}); check the network connection, or {_BY_HAND}"
        ) from error
    if announced is not None and received < announced:
        raise StudyError(f"{source.url} broke off after {received:,} of {announced:,} bytes; fetch it again")
    if digest.hexdigest() != source.checksum:
        raise StudyError(
            f"{source.url} has the {source.algorithm} checksum {digest.hexdigest()} and {source.checksum} "
            f"was published; nothing was kept, so fetch it again, or check what answers in its place"
        )


_BY_HAND = f"set EXPLORER_DATA to a folder that has cifar10/{CIFAR_FILES[0]} and cifar10/{CIFAR_FILES[1]}"


def _part(report: Progress, start: float, end: float, message: str) -> Callable[[float], None]:
    """Progress within one download as progress of the whole."""
    return lambda fraction: report(start + (end - start) * fraction, message)


def _keep(whole: Path, target: Path) -> None:
    """Flush a finished file to the disk, then rename it into place."""
    whole.chmod(0o644)
    with whole.open("rb") as stream:
        os.fsync(stream.fileno())
    whole.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
