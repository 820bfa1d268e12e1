"""The tables of the store. `migrations/versions` makes them; `HEAD` is the newest revision there.

Moments are seconds since 1970 by the clock of the machine that wrote them. Structured values are text made by
`plain.encode`, the same in every database.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

HEAD = "0004"

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("identity", String(64), nullable=False, unique=True),
    Column("kind", String(64), nullable=False),
    Column("study", Text, nullable=False),  # the locator: where the study was when it was last asked about
    Column("spec", Text, nullable=False),
    Column("title", Text, nullable=False),
    # Every status of `Run` but 'unreadable', which is found on reading, as a dead worker's 'lost' is.
    Column("status", String(16), nullable=False),
    Column("fraction", Float, nullable=False),
    Column("message", Text, nullable=False),
    Column("error", Text),
    Column("result", Text),
    Column("checkpoint", Text),  # {"sha256", "state", "lengths": {series: points}, "fraction", "message"}
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("finished", Float),
    Column("token", Integer, nullable=False),  # the fencing token: grows whenever the run changes hands
    Column("expires", Float),  # until when the lease is good without another sign of life
    Column("host", Text),
    Column("pid", Integer),
    Column("birth", String(64)),
    Column("detached", Boolean),  # a process of its own, which may be signalled
    Column("fingerprint", Text, nullable=False, server_default=""),
    Column("superseded_by", String(12)),  # the run that answers the same question in this one's place
    Column("owner", Text),  # who asked for it
    Column(
        "priority", Integer, nullable=False, server_default="0"
    ),  # of those that wait, the higher goes first
    Column("time_limit", Float),  # seconds of work after which it is ended
    Column("peak_memory", BigInteger),  # bytes its worker held at most
    Column("parts", Text),  # what the fingerprint was made of: {part: hash}
    Column("provenance", Text),  # what made the numbers: versions, threads, device, files
    Column("checkpoint_before", Text),  # the one to fall back to, as ``checkpoint``
    Column("remark", Text),  # what a person should know of how it went
    Column("name", Text),  # that a person gave it in place of its title
    Column("note", Text),  # that a person wrote about it
    Column("tags", Text),  # a list of words
    Column("deleted", Float),  # since when, while that can be undone; such a run is in no list
    Index("runs_by_content", "fingerprint", "kind"),
    Index("runs_by_status", "status"),
)

points = Table(
    "points",
    metadata,
    Column("run_id", String(12), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("series", String(64), primary_key=True),
    Column("n", Integer, primary_key=True),  # 1, 2, 3, ... within the series
    Column("point", Text, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("run_id", String(12), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Index("artifacts_by_content", "sha256"),
)
