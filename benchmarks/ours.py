"""Ours, called as anybody would."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.problem import Problem
from explorer.curvature import Traces, weight_traces
from explorer.curvature.operators.hessian import HessianOperator
from explorer.curvature.operators.subject import prepare
from explorer.studies.study import Study


def exact(problem: Problem) -> Traces:
    """Every sample and every output direction."""
    return weight_traces(problem.study, method="exact", rows=problem.rows)


def probes(problem: Problem, rel_se: float, seed: int) -> Traces:
    """Random signs at the outputs, importance sampling, until every block has the error asked for."""
    return weight_traces(
        problem.study, method="output-probes", rel_se=rel_se, seed=seed, samples=200_000, rows=problem.rows
    )


def values(traces: Traces) -> list[float]:
    return [block.trace for block in traces.blocks]


def stderrs(traces: Traces) -> list[float]:
    return [block.stderr for block in traces.blocks]


def forms(problem: Problem, signs: Sequence[Tensor], chunk: int) -> list[float]:
    """z_i . (Hz)_i of every block over the problem's samples."""
    subject = prepare(problem.study, rows=problem.rows)
    shares = torch.full((problem.size,), 1 / problem.size, dtype=torch.float64)
    operator = HessianOperator(
        subject, block=None, positions=torch.arange(problem.size), shares=shares, chunk=chunk
    )
    named = dict(zip(problem.names, signs, strict=True))
    product = operator.split(operator.matvec(operator.join(named)))
    return [float((named[name].double() * product[name].double()).sum()) for name in problem.names]


class Passes:
    """Counts the samples that go forward through a study's network and the vectors that come back."""

    def __init__(self, study: Study) -> None:
        self.forward = 0
        self.backward = 0
        network = copy.deepcopy(study.network)
        network.register_forward_hook(self._hook())  # kept by the copies that every computation makes
        self.study = replace(study, network=network)

    def _hook(self) -> Callable[[nn.Module, Any, Any], None]:
        def count(_module: nn.Module, _inputs: Any, output: Any) -> None:
            self.forward += len(output)
            if output.requires_grad:
                output.register_hook(back)

        def back(gradient: Tensor) -> None:
            self.backward += len(gradient)

        return count
