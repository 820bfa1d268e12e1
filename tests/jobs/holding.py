"""Keeping a computation at a step, so that a test finds it there."""

from pathlib import Path


class Hold:
    """A file that keeps a computation, in whatever process, from beginning a step until the test lets it.

    A test that reaches into the middle of a run so finds it there on a machine of any speed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def before(self, step: int) -> None:
        """Let the steps before this one be done, counted from 0, and no other."""
        aside = self.path.with_suffix(".new")
        aside.write_text(str(step), encoding="utf-8")
        aside.replace(self.path)  # a reader finds the old number or the new one, never half of it

    def release(self) -> None:
        """Let everything be done."""
        self.path.unlink()
