"""The plans of one network and partition that a person had: the current one, those before it, and those undone.

No plan at all is a state as any other, so that throwing a plan away can be undone too.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from explorer.plans import Plan

REMEMBERED = 100


@dataclass(frozen=True)
class History:
    """Which plan is the current one, and how it came to be.

    Attributes:
        now: the current plan.
        past: the earlier ones, the last one last.
        future: those that were undone, the next one last.
        dragged_from: while a handle is on its way, the plan it started from; else nothing.
    """

    now: Plan | None = None
    past: tuple[Plan | None, ...] = ()
    future: tuple[Plan | None, ...] = ()
    dragged_from: tuple[Plan | None, ...] = ()

    @property
    def settled(self) -> Plan | None:
        """The current plan, or the one a handle that is on its way started from."""
        return self.dragged_from[0] if self.dragged_from else self.now

    def take(self, new: Plan | None, *, passing: bool = False) -> "History":
        """With another current plan; what a handle passes on its way is not remembered."""
        if passing:
            return replace(self, now=new, dragged_from=(self.settled,))
        if new == self.settled:
            return replace(self, now=new, dragged_from=())
        return History(new, (*self.past, self.settled)[-REMEMBERED:])

    def undo(self) -> "History":
        """With the plan before; as it is where there is none."""
        if not self.past:
            return self
        return History(self.past[-1], self.past[:-1], (*self.future, self.settled))

    def redo(self) -> "History":
        """With the plan that was undone last; as it is where there is none."""
        if not self.future:
            return self
        return History(self.future[-1], (*self.past, self.settled), self.future[:-1])

    def back_to(self, wanted: Callable[[Plan | None], bool]) -> "History | None":
        """With the nearest remembered plan that is wanted, an earlier one first; None where there is none."""
        if wanted(self.settled):
            return replace(self, now=self.settled, dragged_from=())
        earlier, later = self, self
        for _ in range(max(len(self.past), len(self.future))):
            earlier, later = earlier.undo(), later.redo()
            for found in (earlier, later):
                if wanted(found.now):
                    return found
        return None
