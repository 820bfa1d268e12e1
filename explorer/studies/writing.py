"""What a description of a study names, and the description as text with its files named by other paths."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from explorer.studies.toml import Description


def text_of(description: Description, moved: Mapping[str, str]) -> str:
    """The description as TOML.

    Args:
        moved: path of weights, data or published figures to the path that stands in its place.
    """
    content = description.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    for section, key in (("model", "weights"), ("data", "path"), ("profile", "path")):
        if section in content:
            content[section][key] = moved.get(content[section][key], content[section][key])
    return "\n".join(_lines(content)) + "\n"


def functions(description: Description) -> list[str]:
    """Addresses of the functions that are called when a study is loaded: of its network, data and loss."""
    named = [] if description.model is None else [description.model.factory]
    if description.data is not None:
        named += [getattr(description.data, key) for key in description.data.functions]
    return named + ([description.loss.kind] if ":" in description.loss.kind else [])


def toml_value(value: Any) -> str:
    """A value as TOML; its strings are those of JSON but for DEL, which TOML wants escaped.

    >>> toml_value({"a": ["x", 1.5], "b": True})
    '{"a" = ["x", 1.5], "b" = true}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{toml_value(key)} = {toml_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _lines(content: Mapping[str, Any], section: str = "") -> Iterator[str]:
    tables = {key: value for key, value in content.items() if isinstance(value, dict)}
    if section:
        yield f"\n[{section}]"
    yield from (
        f"{toml_value(key)} = {toml_value(value)}" for key, value in content.items() if key not in tables
    )
    for key, value in tables.items():
        yield from _lines(value, f"{section}.{toml_value(key)}" if section else toml_value(key))
