"""The process that measures: ``python -m explorer.jobs.gauge.child STUDY``.

One JSON object a line comes in on stdin: ``{"who": session, "key": name, "plan": plan.json's content}``, or without
a plan where that session wants nothing any more. A session's newer plan takes the place of its older one. What is known
goes out on stdout, a line each time that it is more: first ``{"fingerprint": ...}``, then
``{"key": ..., "reading": ...}`` or ``{"key": ..., "failure": sentence}``. It ends with the process that holds the other
end, or after `IDLE_SECONDS` without a wish.
"""

import json
import os
import sys
import threading
from queue import Empty, SimpleQueue
from typing import Any

from explorer import studies
from explorer.errors import ExplorerError
from explorer.jobs.gauge.measuring import Measuring

IDLE_SECONDS = 900.0
_NICE = 5  # whoever looks at a page goes first

Wish = dict[str, Any] | None  # None: there will be no more


def main(reference: str) -> None:
    """Load the study, and measure what is wished until nobody is there."""
    os.nice(_NICE)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a network prints is no answer
    wishes: SimpleQueue[Wish] = SimpleQueue()
    threading.Thread(target=_listen, args=(wishes,), daemon=True).start()
    study = studies.load_network(reference)

    def say(**what: Any) -> None:
        out.write(json.dumps(what) + "\n")
        out.flush()

    say(fingerprint=study.fingerprint)
    measuring = Measuring(study)
    wanted: dict[str, str] = {}
    while True:
        try:
            wish = wishes.get(block=not measuring, timeout=None if measuring else IDLE_SECONDS)
        except Empty:
            if not measuring:
                return
        else:
            if wish is None:
                return
            _take(wish, measuring, wanted, say)
            continue
        key, reading = measuring.step()
        say(key=key, reading=reading.to_json())


def _listen(wishes: "SimpleQueue[Wish]") -> None:
    for line in sys.stdin:
        wishes.put(json.loads(line))
    wishes.put(None)


def _take(wish: dict[str, Any], measuring: Measuring, wanted: dict[str, str], say: Any) -> None:
    wanted.pop(wish["who"], None)
    if "plan" in wish:
        try:
            measuring.begin(wish["key"], wish["plan"])
        except ExplorerError as error:
            say(key=wish["key"], failure=str(error))
        else:
            wanted[wish["who"]] = wish["key"]
    measuring.keep(set(wanted.values()))


if __name__ == "__main__":
    main(sys.argv[1])
