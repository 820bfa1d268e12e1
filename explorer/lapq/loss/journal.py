"""Every evaluation of the loss that was made, in order, so that a computation can be gone through again for free.

The methods are deterministic: asked again from the start they ask for the same evaluations, which the journal
answers, and so they come to where they were stopped and go on to the same end, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.lapq.loss.network import Array


@dataclass(frozen=True)
class Entry:
    """One evaluation.

    Attributes:
        phase: the word of the caller, ``quadratic`` or ``joint`` for instance.
        steps: float32 (sites,).
        part: which calibration images: 0 for all, else the number of a part of the objective.
        loss: mean over the images.
        slope: derivative with respect to log step, (sites,); None if it was not asked for.
        cost: work in full forward passes over all calibration images; a backward pass counts as two forward.
    """

    phase: str
    steps: Array
    part: int
    loss: float
    slope: Array | None
    cost: float

    @property
    def question(self) -> tuple[bytes, int, bool]:
        """What was asked: the steps, of which images, and whether for the slope."""
        return self.steps.tobytes(), self.part, self.slope is not None


class Journal:
    """Entries by what was asked; anything else that is costly by name."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.notes: dict[str, Array] = {}
        self._by_question: dict[tuple[bytes, int, bool], Entry] = {}

    def find(self, steps: Array, part: int, *, slope: bool) -> Entry | None:
        """The answer that was given before."""
        return self._by_question.get((steps.tobytes(), part, slope))

    def add(self, entry: Entry) -> Entry:
        self.entries.append(entry)
        self._by_question[entry.question] = entry
        return entry

    def note(self, name: str, make: Callable[[], Array]) -> Array:
        """What was noted under this name, made now if it was not."""
        if name not in self.notes:
            self.notes[name] = make()
        return self.notes[name]

    def to_arrays(self) -> dict[str, Array]:
        """All of it, for a file; `from_arrays` reads it."""
        count, sites = len(self.entries), len(self.entries[0].steps) if self.entries else 0
        none = np.full(sites, np.nan)
        return {
            "steps": np.array([e.steps for e in self.entries], np.float32).reshape(count, sites),
            "slopes": np.array([none if e.slope is None else e.slope for e in self.entries]).reshape(
                count, sites
            ),
            "sloped": np.array([e.slope is not None for e in self.entries], np.uint8),
            "parts": np.array([e.part for e in self.entries], np.int64),
            "losses": np.array([e.loss for e in self.entries], np.float64),
            "costs": np.array([e.cost for e in self.entries], np.float64),
            **{f"note:{name}": array for name, array in self.notes.items()},
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], phases: Sequence[str]) -> Journal:
        """What `to_arrays` and the entries' phases say."""
        made = cls()
        for i, phase in enumerate(phases):
            part, slope = int(arrays["parts"][i]), arrays["slopes"][i] if arrays["sloped"][i] else None
            values: dict[str, Any] = {"loss": float(arrays["losses"][i]), "cost": float(arrays["costs"][i])}
            made.add(Entry(phase, arrays["steps"][i].copy(), part, slope=slope, **values))
        made.notes = {k.removeprefix("note:"): v for k, v in arrays.items() if k.startswith("note:")}
        return made

    @property
    def phases(self) -> list[str]:
        """Each entry's phase, which a file of arrays does not hold."""
        return [entry.phase for entry in self.entries]
