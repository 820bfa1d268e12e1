"""The question of the computation that tests the machinery and nothing else."""

from typing import Literal

from explorer.questions.base import Question


class SelftestQuestion(Question):
    """A chain of hashes, one checkpoint a step; see `explorer.jobs.kinds.selftest`."""

    kind = "selftest"

    steps: int = 10
    pause: float = 0.0
    hold: str | None = None
    deaf: bool = False
    fail_at: int | None = None
    error: Literal["mendable", "unexpected"] = "mendable"
