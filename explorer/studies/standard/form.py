r"""The standard form of a network: every operator with a weight runs through a module of its own.

Quantizers, traces, step sizes and training hook modules, and take a layer for what its class says: it multiplies its
input by its weight. A plain network is that. Elsewhere a layer may change its input before it convolves, call a
function with the weight of another module, multiply by a transposed weight or by a part of one. One forward pass shows
which operators read which parameters (`seeing`); each that no plain layer computes gets a *site* (`routing`):

- the module that holds the weight becomes the site, under the name it has, where the operator is of its kind, or where
  it is a layer that is not called itself;
- else a new module is put into it, named after the parameter, or the operator: ``attention.in_proj``, ``head.linear``.

A weight that is computed from other parameters (``torch.nn.utils.parametrizations``, ``weight_norm``) is taken as it
is: it becomes a parameter that holds the values it has. Weights of operators for which no module can stand are in no
block, and `StandardForm.remark` names them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from explorer.blocks import QUANTIZABLE
from explorer.products import Product, Site
from explorer.studies.standard.computed import computed_weights, taken_as_they_are
from explorer.studies.standard.routing import ROUTES, Route
from explorer.studies.standard.seeing import Observed, is_plain, observe
from explorer.studies.standard.site_kinds import (
    attributes,
    become_apart,
    become_routed,
    become_site,
    kind_of,
    new_site,
    suits,
)
from explorer.studies.standard.weights_read import Seen, holders

_SHOWN = 4


@dataclass(frozen=True)
class _Planned:
    """One site.

    Attributes:
        owner, parameter: the module that holds the weight, and its name there.
        form: of the operator (`Seen.form`).
        kind, attributes: what the site is and says of itself.
        child: name of a new module in the owner; None where the owner is the site.
    """

    owner: str
    parameter: str
    form: str
    kind: type[nn.Module]
    attributes: Mapping[str, Any]
    child: str | None


@dataclass(frozen=True)
class StandardForm:
    """How to bring copies of one network into their standard form.

    Attributes:
        computed: layers whose weight is computed from other parameters.
        opaque: parameters in no block, with what reads them.
    """

    sites: tuple[_Planned, ...]
    apart: tuple[str, ...]
    computed: tuple[str, ...]
    opaque: dict[str, str]

    @property
    def remark(self) -> str | None:
        """What a person must know about it, if anything."""
        said = []
        if self.computed:
            said.append(
                f"The weight of {_listed(self.computed)} is computed from other parameters; it is taken as it is, so "
                f"that what is measured, quantized and trained is the weight itself."
            )
        if self.opaque:
            by = ", ".join(sorted(set(self.opaque.values())))
            said.append(
                f"In no block, and so in full precision: {_listed(tuple(self.opaque))}, read by {by}, for which no "
                f"layer can stand."
            )
        return " ".join(said) or None

    def applied(self, model: nn.Module) -> nn.Module:
        """A copy of the network it was found for, changed in place."""
        if self.computed:
            taken_as_they_are(model)
        if not self.sites:
            return model
        weights = [model.get_submodule(each.owner)._parameters[each.parameter] for each in self.sites]
        found: dict[tuple[str, str], dict[str, Site]] = {}
        for each, weight in zip(self.sites, weights, strict=True):
            owner = model.get_submodule(each.owner)
            assert isinstance(weight, nn.Parameter)
            if each.child is None and isinstance(owner, Site):
                site: Site = owner  # of several forms
            elif each.child is None:
                become_site(owner, each.kind, each.attributes, each.form)
                assert isinstance(owner, Site)
                site = owner
            else:
                site = new_site(each.kind, each.attributes, weight)
                owner.add_module(each.child, site)  # type: ignore[arg-type]
            found.setdefault((each.owner, each.parameter), {})[each.form] = site
        for name in self.apart:
            become_apart(model.get_submodule(name))
        become_routed(model)
        vars(model)[ROUTES] = tuple(
            Route(model.get_submodule(owner), parameter, sites) for (owner, parameter), sites in found.items()
        )
        return model


def standard_form(model: nn.Module, example: Any) -> StandardForm:
    """How to bring a network into its standard form; it is run once, and not changed but for computed weights.

    Args:
        model: in eval mode; a copy.
        example: inputs of a sample.
    """
    computed = computed_weights(model)
    if computed:
        taken_as_they_are(model)
    observed = observe(model, example)
    held = holders(model)
    taken: set[str] = set()
    sites = []
    for seen in observed.elsewhere:
        planned = _planned(observed, held[seen.read.key], seen, taken)
        taken.add(_path(planned))
        sites.append(planned)
    own = {each.owner for each in sites if each.child is None}
    apart = [
        name
        for key in {id(model.get_submodule(each.owner)._parameters[each.parameter]) for each in sites}
        for name, module, _ in held[key]
        if name not in own and is_plain(module)
    ]
    return StandardForm(tuple(sites), tuple(apart), tuple(computed), observed.opaque)


def _planned(
    observed: Observed, held: list[tuple[str, nn.Module, str]], seen: Seen, taken: set[str]
) -> _Planned:
    """Where the site of an operator goes."""
    weight = seen.read.tensor if not seen.read.chain else held[0][1]._parameters[held[0][2]]
    assert weight is not None
    kind = kind_of(seen, weight)
    wanted = attributes(kind, seen, weight)
    for name, module, parameter in held:
        if parameter != "weight" or not name:
            continue
        if is_plain(module) and id(module) not in observed.called:
            own = next(each for each in QUANTIZABLE if isinstance(module, each))
            return _Planned(name, parameter, seen.form, own, {}, None)
        if name in taken or kind is Product:
            continue
        if isinstance(module, kind if isinstance(module, QUANTIZABLE) else nn.Module) and suits(
            module, wanted
        ):
            return _Planned(name, parameter, seen.form, kind, wanted, None)
    name, module, parameter = held[0]
    child = next(each for each in _names(parameter, seen.word) if _free(module, name, each, taken))
    return _Planned(name, parameter, seen.form, kind, wanted, child)


def _names(parameter: str, word: str) -> Iterator[str]:
    """Names for a site that is put beside a parameter, the best first."""
    stem = parameter.removesuffix("weight").rstrip("_.")
    yield from (each for each in (stem,) if each)
    name = f"{stem}_{word}" if stem else word
    yield name
    yield from (f"{name}_{number}" for number in range(2, 10_000))


def _free(module: nn.Module, owner: str, child: str, taken: set[str]) -> bool:
    return not hasattr(module, child) and (f"{owner}.{child}" if owner else child) not in taken


def _path(planned: _Planned) -> str:
    return ".".join(part for part in (planned.owner, planned.child) if part)


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
