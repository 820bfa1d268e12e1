"""Ours against PyHessian, hessian-eigenthings, curvlinops and BackPACK, all in one run.

    python -m benchmarks.curvature --markdown docs/benchmarks-curvature.md --json results.json

Measures `fashion-resnet20` always and `cifar10-resnet20` where its files are (`benchmarks/README.md`). Progress
goes to stderr, the tables to stdout.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

if __package__ in (None, ""):  # run as a file: the folder above is where `benchmarks` and `explorer` lie
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.document import document
from benchmarks.peers import Peers, find
from benchmarks.problem import Problem, drawn
from benchmarks.sections.activations import activations
from benchmarks.sections.agreement import agreement
from benchmarks.sections.block_spectra import block_spectra
from benchmarks.sections.eigenvalues import eigenvalues
from benchmarks.sections.exact import exact
from benchmarks.sections.products import products
from benchmarks.sections.same_samples import same_samples
from benchmarks.sections.scaling import scaling
from benchmarks.sections.whole_set import whole_set
from benchmarks.settings import FULL, QUICK, Settings
from benchmarks.tables import Findings, as_text, claims_table
from benchmarks.timing import machine
from explorer.studies import catalogue, load_network

Section = Callable[[Problem, Peers, Settings], Findings]
SECTIONS: dict[str, tuple[str, Section]] = {
    "a": ("traces over the same samples", same_samples),
    "b": ("traces over the whole training set", whole_set),
    "c": ("exact traces", exact),
    "d": ("activation traces", activations),
    "e": ("largest eigenvalue", eigenvalues),
    "f": ("scaling", scaling),
    "g": ("products of perturbations beside the traces", products),
    "h": ("eigenvalues of every block", block_spectra),
}
STUDIES = ("cifar10-resnet20", "fashion-resnet20")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    settings = QUICK if options.quick else FULL
    if options.threads:
        torch.set_num_threads(options.threads)
    wanted = options.only.split(",") if options.only else list(SECTIONS)
    unknown = sorted(set(wanted) - set(SECTIONS))
    if unknown:
        print(f"there is no section {', '.join(unknown)}; choose among {','.join(SECTIONS)}", file=sys.stderr)
        return 2
    started = time.monotonic()
    peers = find()
    found = Findings()

    def collect(more: Findings) -> None:
        for table in more.tables:
            print(as_text(table), flush=True)
        if options.quick:  # the sizes are not those that were asked about
            more.claims = [replace(claim, met=None) for claim in more.claims]
        found.add(more)
        minutes = (time.monotonic() - started) / 60
        _write(options, found, peers, [*machine(), f"took {minutes:.0f} minutes"])

    here = _here(options.study)
    for name in here:
        study = load_network(name)
        problem = Problem.of(study, drawn(study, None))
        _say(started, f"{name}: comparing the peers' numbers with ours")
        compared, agreeing = agreement(problem, peers, settings)
        collect(compared)
        for key in wanted:
            if key == "f" and name != here[0]:
                continue  # of one study: it is about ours, not about the network
            words, section = SECTIONS[key]
            _say(started, f"{name}: {key}, {words}")
            collect(section(problem, agreeing, settings))
    if found.claims:
        print(as_text(claims_table(found.claims)))
    print("\n".join(machine()))
    _say(started, "done")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.curvature", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything works")
    parser.add_argument("--only", metavar="a,c", help="these sections: " + _sections())
    parser.add_argument("--study", action="append", help="these studies instead (may be repeated)")
    parser.add_argument("--threads", type=int, help="torch's threads, else its own choice")
    parser.add_argument("--json", metavar="FILE", help="write all numbers here")
    parser.add_argument("--markdown", metavar="FILE", help="write the page of the docs here")
    return parser.parse_args(arguments)


def _sections() -> str:
    return "; ".join(f"{key} {words}" for key, (words, _) in SECTIONS.items())


def _here(asked: list[str] | None) -> list[str]:
    if asked:
        return asked
    available = {card.name for card in catalogue() if card.available}
    return [name for name in STUDIES if name in available]


def _say(started: float, words: str) -> None:
    print(f"[{time.monotonic() - started:5.0f} s] {words}", file=sys.stderr, flush=True)


def _write(options: argparse.Namespace, found: Findings, peers: Peers, lines: list[str]) -> None:
    """After every section: what has been measured stays, whatever comes."""
    if options.json:
        record = {
            "machine": lines,
            "quick": options.quick,
            "peers": peers.versions,
            "missing": peers.missing,
            "claims": [vars(claim) for claim in found.claims],
            "tables": [table.to_json() for table in found.tables],
        }
        text = json.dumps(record, indent=1, ensure_ascii=False)
        Path(options.json).write_text(text, encoding="utf-8")
    if options.markdown:
        page = document(found, lines, peers, quick=options.quick)
        Path(options.markdown).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
