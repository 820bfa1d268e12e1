"""The sidebar stays short and quick, however many runs wait."""

from explorer.runs import RunSpec, Store
from explorer.ui.shell import at_work
from tests.ui.conftest import Opens


def test_two_hundred_that_wait_are_one_line_and_one_button(opens: Opens, toml: str, settled: None) -> None:
    """A run at work has a progress bar and a button of its own."""
    store = Store.open()
    asked = [
        RunSpec(kind="selftest", study="none", fingerprint="0", parameters={}, seed=n) for n in range(200)
    ]
    runs = [store.submit(spec, f"run {n}") for n, spec in enumerate(asked)]
    lease = store.claim(runs[0].id)
    page = opens("model", study=toml)
    assert not page.exception
    buttons = [button for button in page.sidebar.button if button.key and button.key.startswith("cancel")]
    assert [button.key for button in buttons] == [f"cancel-{runs[0].id}", "cancel-waiting"]
    waiting = next(each for each in page.sidebar.expander if each.label.endswith("waiting"))
    assert waiting.label == "199 waiting"
    assert len(waiting.caption) == at_work.MOST_SHOWN + 1
    assert waiting.caption[-1].value == "and 189 more"

    buttons[1].click().run()
    assert not page.exception
    assert {store.get(run.id).status for run in runs[1:]} == {"cancelled"}
    assert store.get(runs[0].id).status == "running"
    lease.finish({})
