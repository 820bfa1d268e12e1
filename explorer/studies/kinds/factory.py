"""``kind = "factory"``: a Python function that returns map-style datasets, as a PyTorch ``DataLoader`` takes them.

The function takes no argument and returns ``(train, test)``, ``(train, test, collate)``, or a dict with ``test`` and
any of ``train``, ``collate``, ``classes``, ``noun``. A dataset has ``__len__`` and ``__getitem__``; a sample is a
pair of input and target, or whatever the collate function makes pairs of inputs and targets from.

What a dataset draws at random while it makes a sample (`random`, NumPy, PyTorch) is decided by the number of the
sample alone: the same sample is the same whenever it is asked for. The identity of the data is the hash of the type,
shape and bytes of `IDENTIFYING` samples a split, evenly spread, as they come to the network, with the numbers of
samples; the source of the function is identified beside it, as the network's factory is.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from explorer.errors import StudyError
from explorer.randomness import Stream, fixed_draws, spread_rows
from explorer.studies.data.datasets import Collate, DatasetSamples
from explorer.studies.data.samples import SAMPLES, SPLITS, Samples
from explorer.studies.data.stacking import leaves
from explorer.studies.kinds.sections import DataSection, Loaded, Name, PathText, Place, noun

IDENTIFYING = 32
_KEYS = ("train", "test", "collate", "classes", "noun")


class FactorySection(DataSection):
    """Datasets from a function."""

    paths: ClassVar = ()
    functions: ClassVar = ("factory",)

    kind: Literal["factory"]
    factory: PathText
    noun: Name | None = None
    ragged: bool = False

    def load(self, place: Place) -> Loaded:
        """Call the function; see `DataSection`."""
        made = _parts(place.factories.call(self.factory), self.factory)
        sources = {
            split: Given(made[split], split, number, self.factory)
            for number, split in enumerate(SPLITS)
            if made.get(split) is not None
        }
        collate = made.get("collate")
        if collate is not None and not callable(collate):
            raise StudyError(
                f"the factory {self.factory!r} gives a {type(collate).__name__} as collate function"
            )
        called = self.noun or made.get("noun")
        data = DatasetSamples(
            sources,
            noun=SAMPLES if called is None else noun(str(called)),
            identity=lambda: hash_of_samples(data),
            classes=tuple(str(each) for each in made.get("classes") or ()),
            preprocessing="as the datasets give them",
            ragged=self.ragged,
            collate=None if collate is None else _checked(collate, self.factory),
        )
        for split in sources:
            _try(data, split, self.factory, single=collate is None)
        return Loaded(data)


class Given:
    """One split as a person's dataset gives it.

    Args:
        dataset: theirs.
        split: its name.
        number: of the split, which tells the draws of its samples from those of the other.
        factory: the address, for sentences.
    """

    def __init__(self, dataset: Any, split: str, number: int, factory: str) -> None:
        self._dataset, self._split, self._number, self._factory = dataset, split, number, factory
        try:
            self._size = len(dataset)
        except Exception as error:  # somebody's own code may raise anything
            raise StudyError(
                f"the {split} dataset of {factory!r} has no length ({type(error).__name__}: {error}); return map-style "
                "datasets, with __len__ and __getitem__"
            ) from error
        if self._size < 1 or not hasattr(dataset, "__getitem__"):
            problem = "is empty" if self._size < 1 else "has no __getitem__"
            raise StudyError(f"the {split} dataset of {factory!r} {problem}; return a map-style dataset")

    def __len__(self) -> int:
        return self._size

    def sample(self, row: int) -> Any:
        """What the dataset gives; what it draws at random is decided by split and row."""
        try:
            with fixed_draws(Stream.DATASET_SAMPLES, 0, 2 * row + self._number):
                return self._dataset[row]
        except StudyError:
            raise
        except Exception as error:  # somebody's own code may raise anything
            raise StudyError(
                f"{self._split} sample {row} of {self._factory!r} failed: {type(error).__name__}: {error}"
            ) from error

    def target(self, row: int) -> Any:
        """The second of the pair."""
        return self.sample(row)[1]


def hash_of_samples(data: Samples) -> str:
    """SHA-256 over evenly spread samples, each alone, and over how many there are.

    Raises:
        StudyError: a sample cannot be read.
    """
    digest = sha256()
    for split in SPLITS:
        digest.update(f"{split} {data.size(split)}\n".encode())
        for row in spread_rows(data.size(split), IDENTIFYING):
            for value in (data.inputs(split, row.view(1)), data.targets(split, row.view(1))):
                for path, tensor in leaves(value):
                    digest.update(f"{path} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
                    digest.update(_bytes(tensor))
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data


def _parts(made: Any, factory: str) -> Mapping[str, Any]:
    """What the factory returned, by name."""
    if isinstance(made, Mapping):
        unknown = [str(key) for key in made if key not in _KEYS]
        if unknown:
            raise StudyError(
                f"the factory {factory!r} returned a dict with the key {unknown[0]!r}; it may have {', '.join(_KEYS)}"
            )
        found = dict(made)
    elif isinstance(made, tuple) and len(made) in (2, 3):
        found = dict(zip(_KEYS, made, strict=False))
    else:
        raise StudyError(
            f"the factory {factory!r} returned a {type(made).__name__}; it must return (train, test), (train, test, "
            "collate), or a dict with these keys"
        )
    if found.get("test") is None:
        raise StudyError(f"the factory {factory!r} returned no test dataset; it must return one")
    return found


def _checked(collate: Callable[[Any], Any], factory: str) -> Collate:
    """A collate function that names itself where it fails."""

    def checked(samples: Sequence[Any]) -> tuple[Any, Any]:
        try:
            found = collate(list(samples))
        except Exception as error:  # somebody's own code may raise anything
            raise StudyError(
                f"the collate function of {factory!r} failed on {len(samples)} samples: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise StudyError(
                f"the collate function of {factory!r} returned {_named(found)}; it must return inputs and targets"
            )
        targets = found[1]
        if not isinstance(targets, Tensor | list) or len(targets) != len(samples):
            raise StudyError(
                f"the collate function of {factory!r} returned {_named(targets)} as targets of {len(samples)} samples; "
                "give a tensor or a list with one entry a sample"
            )
        return found[0], targets

    return checked


def _try(data: DatasetSamples, split: str, factory: str, *, single: bool) -> None:
    """Look at the first sample, so that a dataset of something else is told at once."""
    if single:
        sample = data.sample(split, 0)
        if not isinstance(sample, tuple | list) or len(sample) != 2:
            raise StudyError(
                f"{split} sample 0 of {factory!r} is {_named(sample)}; it must be a pair of input and target, or the "
                "factory must return a collate function"
            )
    data.inputs(split, slice(0, 1))
    data.targets(split, slice(0, 1))


def _named(value: Any) -> str:
    """What a value is, in words."""
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return f"a {type(value).__name__}"
