"""The app as a process: killed with a run at work, asked twice, visited by many, drawn again and again."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from explorer.jobs import execute, request
from explorer.jobs.requests import spec_of
from explorer.questions import EvaluateQuestion, TracesQuestion
from explorer.runs import Run, Store
from explorer.studies import Study
from tests.reliability import asking, killing, load
from tests.reliability.serving import Server, serve
from tests.reliability.sessions import opened

MEBIBYTE = 2**20


@pytest.fixture
def server(store: Store, study: Study, tmp_path: Path) -> Iterator[Server]:
    """The app with the study's accuracy measured."""
    execute(store, spec_of(study, EvaluateQuestion()), study=study)
    with serve(store.home, study.reference, tmp_path / "server.log") as running:
        yield running
        assert running.tracebacks() == 0, running.log.read_text()


def runs_of(store: Store, kind: str) -> list[Run]:
    return [run for run in store.list() if run.spec.kind == kind]


@pytest.mark.slow
def test_a_run_outlives_the_killed_server_and_a_double_click_is_one_run(
    store: Store, study: Study, server: Server, tmp_path: Path
) -> None:
    """Two people press the button of one page at once, then the server is killed: one run, and it ends as it should."""

    async def press() -> None:
        async with opened(server.url) as one, opened(server.url) as other:
            await asyncio.gather(one.go("sensitivity"), other.go("sensitivity"))
            await asyncio.gather(one.press("Compute traces"), other.press("Compute traces"))
            assert not one.heard.errors + other.heard.errors

    asyncio.run(press())
    [run] = runs_of(store, "traces")
    server.kill()
    killing.wait(lambda: not store.get(run.id).live, "the end of the run")
    elsewhere = Store.open(home=tmp_path / "elsewhere")
    whole = execute(elsewhere, run.spec, study=study)
    assert asking.found(store, store.get(run.id)) == asking.found(elsewhere, whole)
    elsewhere.close()
    killing.wait(lambda: not store.live(), "the end of the products, which the button asks for too")
    killing.assert_sound(store, runs=3)


@pytest.mark.slow
@pytest.mark.soak
def test_sessions_that_click_with_a_run_at_work_meet_no_error(
    store: Store, study: Study, server: Server
) -> None:
    execute(store, spec_of(study, TracesQuestion()), study=study)
    request(store, asking.spec("spectrum", study))
    found = load.click(server, sessions=5, seconds=8, seed=0)
    assert not found.errors
    assert len(found.reruns) > 5


@pytest.mark.slow
@pytest.mark.soak
def test_reruns_of_one_session_leave_no_memory_behind(store: Store, study: Study, server: Server) -> None:
    """Garbage is collected by Python itself, not after each rerun (`.streamlit/config.toml`): it must not pile up."""
    execute(store, spec_of(study, TracesQuestion()), study=study)
    asyncio.run(load.draw_again(server.url, 20))
    before = server.memory()
    asyncio.run(load.draw_again(server.url, 40))
    assert server.memory() - before < 20 * MEBIBYTE
