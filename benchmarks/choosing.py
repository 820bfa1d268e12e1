"""The smallest plan that loses at most one point: by search, by brute force, and by greedy accuracy probes.

    python -m benchmarks.choosing [--study NAME] [--max-drop 0.01] [--samples 1000] [--markdown FILE] [--notes FILE]

All in one process, on the same training images and with the same rule for "holds", decided on as few of them as it
takes. Brute force decides about the candidates of the frontier from the cheapest up to the first that holds; the greedy
baseline probes every block at every width by itself, on half of the images, and then lowers one after another
(`explorer.choosing.probing`). Work is counted, not timed. What was measured is kept in the file of notes, so that a run
that was ended goes on.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a file: the folder above is where `benchmarks` and `explorer` lie
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.tables import Column, Table, as_markdown, as_text
from explorer import choosing, plans, studies
from explorer.choosing import Bits, Comparing, Drop, Notes, Rule, Work, work_of
from explorer.curvature import Traces
from explorer.jobs import answers, shipped
from explorer.plans import BlockBits, Problem
from explorer.questions import TracesQuestion
from explorer.runs import Store
from explorer.studies import Study

MEASURES: dict[str, str] = {"trace": "mean trace × ‖ΔW‖²", "product": "ΔWᵀHΔW"}
COLUMNS = (
    Column("way", "way"),
    Column("size", "bytes", "count"),
    Column("times", "times smaller"),
    Column("chosen", "lost on the images that chose"),
    Column("held_out", "lost on images held out"),
    Column("test", "lost on test images"),
    Column("plans", "plans measured", "count"),
    Column("images", "images in all", "count"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", action="append", help="by default both that are shipped")
    parser.add_argument("--max-drop", type=float, default=0.01)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--a-bits", type=int, default=8)
    parser.add_argument("--bits", default="2,3,4,6,8", help="widths on offer")
    parser.add_argument("--measure", action="append", choices=list(MEASURES), help="by default both")
    parser.add_argument("--markdown", type=Path, help="write the tables there")
    parser.add_argument("--notes", type=Path, help="keep what was measured there, and go on from it")
    asked = parser.parse_args(arguments)
    tables = []
    for name in asked.study or ["fashion-resnet20", "fashion-mobilenet"]:
        study = studies.load_network(name)
        tables.append(_Bench(study, asked).table())
        print(as_text(tables[-1]), flush=True)
    if asked.markdown is not None:
        asked.markdown.write_text("\n".join(map(as_markdown, tables)), encoding="utf-8")
    return 0


class _Bench:
    """One study: its sets of images, and the notes of all comparisons on them."""

    def __init__(self, study: Study, asked: argparse.Namespace) -> None:
        self._study, self._asked, self._blocks = study, asked, study.blocks()
        self._rule = Rule(asked.max_drop)
        self._menu = tuple(int(bits) for bits in asked.bits.split(","))
        path: Path | None = asked.notes
        self._path = None if path is None else path.with_name(f"{study.name}-{path.name}")
        known = self._path is not None and self._path.exists()
        self._notes: Notes = json.loads(self._path.read_text("utf-8")) if known and self._path else {}
        self._test = choosing.report_set(study, self._blocks, notes=self._notes, on_note=self._keep)[0]
        # What is measured once is not measured again by another way; each way counts for itself.
        self._shared = self._sets()

    def table(self) -> Table:
        """Every way, a row each."""
        rows: list[dict[str, Any]] = []
        problem: Problem | None = None
        for measure in self._asked.measure or MEASURES:
            frontier = plans.frontier(
                self._study,
                self._traces() if measure == "trace" else None,
                bits=self._menu,
                damage=measure,
                a_bits=self._asked.a_bits,
            )
            problem = frontier.problem
            for row in self._along(frontier, MEASURES[measure]):
                rows.append(row)
                print(row, file=sys.stderr, flush=True)
        assert problem is not None
        chosen = self._fresh(0)
        found = choosing.greedy(problem, chosen, self._rule, probes=chosen.samples // 2)
        rows.append(
            self._row("greedy probes, to the first step that breaks", found.first.bits, found.first.work)
        )
        rows.append(self._row("greedy probes, every block", found.last.bits, found.last.work))
        title = (
            f"{self._study.name}: at most {self._asked.max_drop:.1%} lost, {chosen.samples:,} images to choose by, "
            f"widths {self._asked.bits}, {self._asked.a_bits}-bit activations"
        )
        return Table(f"a {self._study.name}", title, COLUMNS, tuple(rows))

    def _traces(self) -> Traces | None:
        """Those of the store, as the command takes them; None where there are none, and they are computed."""
        store = Store.open()
        shipped.give(store)
        best = answers.best(store, self._study, TracesQuestion())
        found: Traces | None = None if best is None else best.result
        store.close()
        return found

    def _along(self, frontier: plans.Frontier, name: str) -> Iterator[dict[str, Any]]:
        points = choosing.ladder(frontier)
        candidates = [{b: BlockBits(p.bits[b], p.a_bits[b]) for b in p.bits} for p in points]
        costs = [float(point.cost) for point in points]
        chosen, held_out = self._fresh(0), self._fresh(1)
        searched = choosing.search(candidates, costs, chosen, self._rule)
        yield self._row(f"search, {name}", self._at(candidates, searched.place), chosen.work)
        if searched.place is not None:
            attempts = choosing.confirm(candidates, searched.place, held_out, self._rule.most)
            last = candidates[attempts[-1].place]
            yield self._row(
                f"`choose`, {name}: search and promise ({len(attempts)} attempts)",
                last,
                work_of(chosen, held_out),
            )
        brute = self._fresh(0)
        swept = choosing.sweep(candidates, brute, self._rule)
        words = f"brute force, {name} ({len(candidates)} candidates)"
        yield self._row(words, self._at(candidates, swept.place), brute.work)

    @staticmethod
    def _at(candidates: Sequence[Bits], place: int | None) -> Bits | None:
        return None if place is None else candidates[place]

    def _sets(self) -> tuple[Comparing, Comparing]:
        return choosing.training_sets(
            self._study, self._blocks, self._asked.samples, notes=self._notes, on_note=self._keep
        )

    def _fresh(self, which: int) -> Comparing:
        """One of the sets, with nothing counted yet."""
        return self._shared[which].counting_anew()

    def _row(self, way: str, bits: Bits | None, work: Work) -> dict[str, Any]:
        row: dict[str, Any] = {"way": way, "plans": work.plans, "images": work.samples}
        if bits is None:
            return row
        widths = {block: each.w_bits for block, each in bits.items()}
        drops = {"chosen": self._fresh(0), "held_out": self._fresh(1), "test": self._test}
        return row | {
            "size": plans.size_bytes(self._blocks, widths),
            "times": f"{plans.compression(self._blocks, widths):.1f}",
            **{name: _points(comparing.drop(bits)) for name, comparing in drops.items()},
        }

    def _keep(self) -> None:
        if self._path is not None:
            self._path.write_text(json.dumps(self._notes), encoding="utf-8")


def _points(drop: Drop) -> str:
    return f"{choosing.points(drop)} points"


if __name__ == "__main__":
    raise SystemExit(main())
