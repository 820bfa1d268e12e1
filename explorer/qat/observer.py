"""Whoever watches a training and may stop it."""

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor


class Observer(Protocol):
    """Whoever watches and may stop a training; a run's context is adapted to this."""

    def point(self, series: str, values: Mapping[str, Any]) -> None: ...
    def report(self, fraction: float, message: str) -> None: ...
    def check_stop(self) -> None: ...
    def save(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None: ...
    def restore(self) -> tuple[Mapping[str, Tensor], Mapping[str, Any]] | None: ...


class Unwatched:
    """An observer for scripts: nothing is shown, nothing is kept."""

    def point(self, series: str, values: Mapping[str, Any]) -> None:
        pass

    def report(self, fraction: float, message: str) -> None:
        pass

    def check_stop(self) -> None:
        pass

    def save(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        pass

    def restore(self) -> tuple[Mapping[str, Tensor], Mapping[str, Any]] | None:
        return None
