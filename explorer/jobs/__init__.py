"""The work of runs: kinds, questions, answers, and carrying them out in this process or in a worker of its own."""

from explorer.jobs.executing import execute
from explorer.jobs.launching.local import launch, request, stop

__all__ = ["execute", "launch", "request", "stop"]
