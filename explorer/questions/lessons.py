"""The question of a lesson's long experiment: which one, and what its controls were set to."""

from typing import Any, ClassVar

from pydantic import Field

from explorer.errors import ExplorerError, LessonError
from explorer.questions.base import Question

MOST_OPTIONS = 20


class LessonQuestion(Question):
    """An experiment of a lesson that is a run; see `explorer.lessons.common.longs`."""

    kind = "lesson"
    lighter = "a smaller size"
    refusal: ClassVar[type[ExplorerError]] = LessonError

    experiment: str = Field(
        pattern=r"^[a-z_]{1,40}:[a-z-]{1,40}$", description="module and name, as in quantizing:accuracy"
    )
    edition: int = Field(
        1, ge=1, le=10_000, description="of the experiment; raised whenever its numbers change"
    )
    settings: dict[str, bool | int | float | str] = Field(
        default_factory=dict, max_length=MOST_OPTIONS, description="control to value"
    )

    def about(self) -> dict[str, Any]:
        """All of it."""
        return dict(self)
