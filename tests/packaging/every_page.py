"""Run by the Python of another environment, from a copy: opens the pages of the installed app and says what came.

Lessons are one page with different texts; the first is opened.

``python every_page.py REPOSITORY SECONDS`` prints one JSON object; SECONDS is how long workers are waited for at most.
"""

import json
import sys
import time

from streamlit import config
from streamlit.testing.v1 import AppTest

import explorer
from explorer.cli.serving import app_script
from explorer.runs import Store


def main(repository: str, patience: float) -> None:
    script = app_script()
    config.set_option("server.address", "127.0.0.1")  # as the command that serves the app sets it
    pages = {}
    found = sorted(path.stem for path in (script.parent / "pages").glob("*.py"))
    for page in (page for page in found if not page.startswith("lesson_") or page == "lesson_01"):
        shown = AppTest.from_file(str(script), default_timeout=patience)
        shown.switch_page(f"pages/{page}.py")
        shown.run()
        pages[page] = {
            "titles": [title.value for title in shown.title],
            "wrong": [each.message for each in shown.exception] + [each.value for each in shown.error],
            "study": [metric.value for metric in shown.metric if metric.label == "Study"],
        }
    store, until = Store.open(), time.monotonic() + patience
    while any(run.live for run in store.list()) and time.monotonic() < until:
        time.sleep(0.2)
    told = {
        "package": explorer.__file__,
        "from the repository": [path for path in sys.path if path.startswith(repository)],
        "there": found,
        "pages": pages,
        "runs": [[run.spec.kind, run.status, run.error] for run in store.list()],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
