"""What every kind of data has in common: how its section is checked, where its files lie, what loading it gives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from explorer.errors import StudyError
from explorer.randomness import Stream, drawn_rows, generator
from explorer.studies.data.samples import Noun, Samples
from explorer.studies.factories import Factories
from explorer.studies.identity.origin import Stamp

LONGEST_PATH = 4096
PathText = Annotated[str, Field(min_length=1, max_length=LONGEST_PATH)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Name | tuple[Name, ...] | dict[Name, Name]  # of what a network gets: a tensor, a tuple or a dict
Means = Annotated[tuple[Annotated[float, Field(ge=-1e6, le=1e6)], ...], Field(min_length=1, max_length=1000)]
Deviations = Annotated[
    tuple[Annotated[float, Field(ge=1e-6, le=1e6)], ...], Field(min_length=1, max_length=1000)
]
Share = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """A table of a study.toml: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Place:
    """Where a study lies.

    Attributes:
        folder: that the paths of its data count from.
        factories: its functions.
    """

    folder: Path
    factories: Factories


@dataclass(frozen=True)
class Loaded:
    """Data that were read.

    Attributes:
        samples: what the study gets.
        files: name of every file that was read as a whole to its SHA-256.
        stamps: of every file that was read.
    """

    samples: Samples
    files: Mapping[str, str] = field(default_factory=dict)
    stamps: Sequence[Stamp] = ()


class DataSection(Section):
    """A kind of data as a study.toml describes it.

    Attributes:
        paths: keys that name files or folders.
        functions: keys that name functions, which are called when the data are loaded.
    """

    paths: ClassVar[tuple[str, ...]] = ("path",)
    functions: ClassVar[tuple[str, ...]] = ()

    kind: str

    def load(self, place: Place) -> Loaded:
        """Read what it names.

        Raises:
            StudyError: something it names is missing or wrong; the sentence names file, row or key.
        """
        raise NotImplementedError

    def located(self, folder: Path) -> dict[str, Any]:
        """The keys that were written, for a study.toml elsewhere: every path is whole, those in lists too."""
        content = self.model_dump(mode="json", exclude_unset=True)
        for key in {*self.paths, *self.functions} & set(content):
            content[key] = _whole(content[key], folder, function=key in self.functions)
        return content


def _whole(value: Any, folder: Path, *, function: bool) -> Any:
    if isinstance(value, list):
        return [_whole(each, folder, function=function) for each in value]
    place, colon, name = str(value).partition(":") if function else (str(value), "", "")
    beside = not function or place.endswith(".py")
    return f"{(folder / place).resolve()}{colon}{name}" if beside else value


def divided(size: int, share: float | None, seed: int, what: str) -> dict[str, Tensor]:
    """Rows of each split, ascending: the test samples are drawn by the seed alone; all are where no share is given.

    Raises:
        StudyError: a split would be empty.
    """
    if share is None:
        return {"test": drawn_rows(size, None, generator(Stream.DATASET_SPLIT, 0)).sort().values}
    count = round(share * size)
    if not 0 < count < size:
        raise StudyError(
            f"[data] test_share = {share:g} of the {size} samples in {what} leaves a split empty; give another share"
        )
    order = drawn_rows(size, None, generator(Stream.DATASET_SPLIT, seed))
    return {"test": order[:count].sort().values, "train": order[count:].sort().values}


def noun(one: str) -> Noun:
    """What samples are called, by the word for one of them; ``one/many`` where an s does not make the plural.

    >>> noun("sentence"), noun("query/queries")
    (Noun(one='sentence', many='sentences'), Noun(one='query', many='queries'))
    """
    single, _, many = one.partition("/")
    return Noun(single, many or f"{single}s")


def listed(names: Names) -> list[str]:
    """The names, whatever the structure."""
    if isinstance(names, str):
        return [names]
    return list(names) if isinstance(names, tuple) else list(names.values())


def arranged(names: Names, value_of: Callable[[str], Any]) -> Any:
    """What each name stands for, in the structure of the names: what a network gets."""
    if isinstance(names, str):
        return value_of(names)
    if isinstance(names, tuple):
        return tuple(value_of(name) for name in names)
    return {key: value_of(name) for key, name in names.items()}
