"""Keeping a training, and going on with it.

A checkpoint holds the state dicts of network, optimizer and schedule, whichever these are: their tensors by name, the
rest as plain data (`qat.states`); and the candidates that were measured, the best one's state too. From one in another
format, as an older version wrote it, a training cannot go on: it begins again at its first step, which gives the same
numbers, and tells no point again that was told before.
"""

from typing import Any

from explorer.errors import RunError
from explorer.qat.held_out import Candidate
from explorer.qat.states import flatten, unflatten
from explorer.qat.stepping import Training
from explorer.watching import Watcher

FORMAT = 3
_STATES = ("network", "optimizer", "schedule")


def save(training: Training, watcher: Watcher) -> None:
    """Keep the training as it is now."""
    tensors: dict[str, Any] = {}
    state: dict[str, Any] = {
        "format": FORMAT,
        "step": training.step,
        "told": training.told,
        "seconds": training.seconds,
        "candidates": [each.to_json() for each in training.candidates],
        "order": None if training.order is None else list(training.order),
        "best": None,
    }
    for part in _STATES:
        found, state[part] = flatten(getattr(training, part).state_dict(), part)
        tensors.update(found)
    if training.best is not None:
        candidate, kept = training.best
        found, plain = flatten(kept, "best")
        tensors.update(found)
        state["best"] = [candidate.to_json(), plain]
    watcher.save(tensors, state)


def restore(training: Training, watcher: Watcher) -> None:
    """Bring a training that was just prepared to its last checkpoint, if there is one."""
    saved = watcher.restore()
    if saved is None:
        return
    state = saved.state
    if state.get("format") != FORMAT:
        training.told = int(state.get("step", 0))
        watcher.report(0.0, "starting again: the checkpoint was written by an older version")
        return
    try:
        for part in _STATES:
            getattr(training, part).load_state_dict(unflatten(saved.tensors, state[part]))
        if state["best"] is not None:
            candidate, plain = state["best"]
            training.best = Candidate.from_json(candidate), unflatten(saved.tensors, plain)
    except (KeyError, RuntimeError, ValueError) as error:
        raise RunError(
            "the checkpoint of this training does not fit its network or optimizer any more; start it with another seed"
        ) from error
    training.candidates = tuple(Candidate.from_json(each) for each in state["candidates"])
    training.order = None if state["order"] is None else tuple(state["order"])
    training.step, training.told = int(state["step"]), int(state["told"])
    training.seconds = float(state["seconds"])
