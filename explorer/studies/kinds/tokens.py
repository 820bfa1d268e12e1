"""Text to token numbers: byte by byte, or by a ``tokenizer.json`` as the ``tokenizers`` package reads it.

Bytes are those of UTF-8, numbers 0 to 255; `BYTES` itself stands for what a text is padded with, so a network that
reads bytes has 257 embeddings.
"""

import importlib
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from explorer import reading
from explorer.errors import StudyError

BYTES = 256
_FILE = reading.Kind("the tokenizer", 2**28, StudyError, 'write it, or set [data] tokenizer = "bytes"')


class Tokenizer(Protocol):
    """Turns texts into numbers.

    Attributes:
        pad: what a text is padded with.
        name: with the hash of its file, on one line.
    """

    pad: int
    name: str

    def numbers(self, text: str, place: str) -> np.ndarray:
        """Token numbers, int32; ``place`` names the text in a sentence.

        Raises:
            StudyError: a token is unknown.
        """


class Bytes:
    """The bytes of UTF-8."""

    pad, name = BYTES, "bytes"

    def numbers(self, text: str, place: str) -> np.ndarray:
        """The bytes, int32."""
        return np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8).astype(np.int32)


class FromFile:
    """A tokenizer file.

    Raises:
        StudyError: the package is missing, or the file is no tokenizer.
    """

    def __init__(self, path: Path) -> None:
        content = reading.read_text(path, _FILE)
        try:
            package = importlib.import_module("tokenizers")
        except ImportError as error:
            raise StudyError(
                f"the tokenizer {path} needs the package tokenizers, which is not installed; pip install tokenizers"
            ) from error
        try:
            self._tokenizer: Any = package.Tokenizer.from_str(content)
        except Exception as error:  # the package raises plain exceptions
            raise StudyError(f"{path} is no tokenizer.json: {error}") from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        size = self._tokenizer.get_vocab_size(with_added_tokens=True)
        named = [self._tokenizer.token_to_id(name) for name in ("[PAD]", "<pad>", "<|endoftext|>", "</s>")]
        self.pad = next((number for number in named if number is not None), size)
        self.name = f"{path.name} {sha256(content.encode()).hexdigest()}"
        self._file = path.name

    def numbers(self, text: str, place: str) -> np.ndarray:
        """Token numbers, int32, special tokens as the file adds them."""
        try:
            found = self._tokenizer.encode(text).ids
        except Exception as error:  # of a word that is not in it, where no number stands for unknown ones
            raise StudyError(f"{place} has a token that {self._file} does not know: {error}") from error
        return np.array(found, np.int32)


def tokenizer(name: str, folder: Path) -> Tokenizer:
    """``bytes``, or the tokenizer of a file in a folder.

    Raises:
        StudyError: as `FromFile`.
    """
    return Bytes() if name == "bytes" else FromFile(folder / name)
