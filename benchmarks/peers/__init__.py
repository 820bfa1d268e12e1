"""The peers, one file each. One that cannot be imported is named, with the reason, and never left out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version

from benchmarks.peers.common import ProductPeer
from benchmarks.problem import Problem


@dataclass(frozen=True)
class _Known:
    distribution: str
    module: str
    classes: tuple[str, ...]


KNOWN = {
    "PyHessian": _Known("pyhessian", "benchmarks.peers.pyhessian", ("PyHessian",)),
    "hessian-eigenthings": _Known("hessian-eigenthings", "benchmarks.peers.eigenthings", ("Eigenthings",)),
    "curvlinops": _Known(
        "curvlinops-for-pytorch",
        "benchmarks.peers.curvlinops",
        ("CurvlinopsHessian", "CurvlinopsGaussNewton"),
    ),
    "BackPACK": _Known("backpack-for-pytorch", "benchmarks.peers.backpack", ()),
}


@dataclass
class Peers:
    """What is here.

    Attributes:
        products: peers that give products of a curvature matrix with a vector.
        missing: name to why it is not here.
        versions: name to version.
    """

    products: list[type[ProductPeer]] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def has(self, library: str) -> bool:
        return library in self.versions

    def without(self, disagreeing: Mapping[str, str]) -> "Peers":
        """The peers but those whose numbers are not ours, name to why; their times would mean nothing."""
        left = [peer for peer in self.products if peer.name not in disagreeing]
        versions = {
            library: version
            for library, version in self.versions.items()
            if library not in disagreeing
            and (not KNOWN[library].classes or library in {p.library for p in left})
        }
        return Peers(left, {**self.missing, **disagreeing}, versions)


def find() -> Peers:
    """Import every peer."""
    found = Peers()
    for name, known in KNOWN.items():
        try:
            module = import_module(known.module)
        except ImportError as error:
            found.missing[name] = f"not installed ({error})"
            continue
        found.versions[name] = version(known.distribution)
        found.products += [getattr(module, each) for each in known.classes]
    return found


__all__ = ["KNOWN", "Peers", "Problem", "find"]
