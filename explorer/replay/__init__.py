"""Evaluating a network many times while only some of its layers change."""

from explorer.replay.replaying import MOST_BYTES, Batch, Replay

__all__ = ["MOST_BYTES", "Batch", "Replay"]
