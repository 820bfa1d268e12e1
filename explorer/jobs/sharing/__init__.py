"""A study with its runs as one archive, and what is taken in of an archive that comes from somebody else."""

from explorer.jobs.sharing.packing import pack
from explorer.jobs.sharing.receiving import Received, receive

__all__ = ["Received", "pack", "receive"]
