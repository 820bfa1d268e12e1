"""The work of runs: kinds, questions, answers, and carrying them out in this process or in a worker of its own."""

from explorer.jobs.executing import execute
from explorer.jobs.starting import advance, launch, request, resume, stop

__all__ = ["advance", "execute", "launch", "request", "resume", "stop"]
