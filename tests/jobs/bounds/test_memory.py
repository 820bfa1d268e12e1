"""Want of memory is recognised however it shows, said in a sentence, and nothing else is taken for it."""

from collections.abc import Callable

import pytest
import torch

from explorer.errors import RunError
from explorer.jobs import execute, registry, request
from explorer.jobs.bounds import memory
from explorer.questions import Question
from explorer.runs import RunContext, RunSpec, Store
from tests.jobs.holding import Hold


class Hungry(Question):
    """The question of a kind that a test registers."""

    kind = "hungry"
    lighter = "fewer points"


def of_torch() -> None:
    torch.empty(2**60, dtype=torch.uint8)


def of_python() -> None:
    bytearray(2**62)


def of_a_gpu() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nAnd more lines.")


@pytest.mark.parametrize("alloc", [of_torch, of_python, of_a_gpu])
def test_what_allocators_raise_is_a_sentence_that_says_what_to_lower(
    store: Store, spec: Callable[..., RunSpec], monkeypatch: pytest.MonkeyPatch, alloc: Callable[[], None]
) -> None:
    def run(question: Hungry, context: RunContext) -> dict[str, int]:
        alloc()
        return {}

    monkeypatch.setattr(registry, "_registered", {})
    registry.register(registry.Kind(Hungry, run, needs_study=False))
    with pytest.raises(
        RunError, match=r"^Out of memory: .*; choose fewer points, or use a machine with more mem"
    ):
        execute(store, spec(kind="hungry"))
    told = store.get(spec(kind="hungry").run_id)
    assert told.status == "failed"
    assert len((told.error or "").splitlines()) == 1


@pytest.mark.parametrize("error", [ValueError("not enough memory"), RuntimeError("shapes differ")])
def test_other_errors_are_no_want_of_memory(error: Exception) -> None:
    assert not memory.is_short(error)


def test_every_kind_says_what_to_lower_or_that_nothing_helps() -> None:
    for name in registry.names():
        told = memory.sentence(name, "it was so")
        assert told.endswith(", or use a machine with more memory.") or told.endswith(
            "; use a machine with more memory."
        )
    assert "a smaller batch" in memory.sentence("finetune", "x")


def test_a_worker_over_its_limit_ends_itself_and_says_so(
    store: Store,
    spec: Callable[..., RunSpec],
    wait: Callable[..., None],
    hold: Hold,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its run never looks up, and holds more than a Python process can do with."""
    monkeypatch.setenv("EXPLORER_MEMORY_LIMIT", "2MB")
    hold.before(1)
    run = request(store, spec(hold=str(hold.path), deaf=True))
    wait(lambda: not store.get(run.id).live)
    told = store.get(run.id)
    assert told.status == "failed"
    assert (told.error or "").startswith("Out of memory: the run held ")
    assert "EXPLORER_MEMORY_LIMIT allows 2 MB; choose fewer samples" in (told.error or "")


def test_what_a_worker_held_at_most_is_remembered(
    store: Store, spec: Callable[..., RunSpec], wait: Callable[..., None]
) -> None:
    run = request(store, spec())
    wait(lambda: not store.get(run.id).live)
    assert store.get(run.id).status == "done"
    assert 10e6 < store.queue.peaks(["selftest"])["selftest", "0"] < 1e9
    execute(store, spec(seed=1))
    assert len(store.queue.peaks(["selftest"])) == 1, "this process holds more than the run"
