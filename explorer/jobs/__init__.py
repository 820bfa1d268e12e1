"""The work of runs: kinds, questions, answers, and carrying them out in this process or in a worker of its own."""

from explorer.jobs.executing import execute
from explorer.jobs.starting import launch, request, resume, stop

__all__ = ["execute", "launch", "request", "resume", "stop"]
