"""The parts of a study that decide its numbers, each with a hash, and what differs between two lists of them."""

from collections.abc import Mapping
from hashlib import sha256

CODE = "code of "


def digest(text: str) -> str:
    """SHA-256 of a text."""
    return sha256(text.encode()).hexdigest()


def fingerprint(parts: Mapping[str, str]) -> str:
    """SHA-256 over all parts: the identity of a study in every run on it."""
    return digest("".join(f"{name}\n{hashed}\n" for name, hashed in sorted(parts.items())))


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What became another thing, in words: ``net.py and the weights changed``; empty if nothing did.

    What the network says changes with its code, its weights and its data: it is named where nothing else is.
    """
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    found = [_words(name) for name in names if name != "outputs"]
    if not found and names:
        return "what the network says of the first test samples changed, though its code and weights did not"
    listed = ", ".join(found[:-1]) + " and " + found[-1] if len(found) > 1 else "".join(found)
    return f"{listed} changed" if listed else ""


def _words(name: str) -> str:
    return name.removeprefix(CODE) if name.startswith(CODE) else f"the {name}"
