"""What kills leave behind is removed, and nothing that a run needs or is about to need."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from explorer.jobs import execute
from explorer.runs import RunSpec, Store
from explorer.runs.artifacts import ArtifactFolder
from explorer.runs.keeping import sweeping
from explorer.runs.keeping.sweeping import Swept

Specs = Callable[..., RunSpec]


def aged(path: Path, seconds: float = 2 * sweeping.YOUNG) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_sweep_removes_what_nobody_needs(store: Store, spec: Specs) -> None:
    done = execute(store, spec(steps=2))
    lease = store.claim(store.submit(spec(steps=3)).id)
    lease.checkpoint(b"first", {})
    lease.checkpoint(b"second", {})
    place = ArtifactFolder(store.home / "artifacts")
    orphan, fresh = place.put_bytes(b"nobody's"), place.put_bytes(b"put just now")
    left = place.folder / "ab"
    left.mkdir(exist_ok=True)
    temporary = place.path(orphan).with_name(".0123.tmp")
    temporary.write_bytes(b"half")
    logs = store.home / "logs"
    logs.mkdir(exist_ok=True)
    for name in ("gone.log", "gone.exit", f"{done.id}.log"):
        (logs / name).write_text("said")
    lasting = place.put_bytes(b"damaged")
    place.set_aside(lasting)
    for path in [*place.folder.rglob("*"), *logs.iterdir()]:
        if path != place.path(fresh):
            aged(path)
    needed = [place.path(sha256) for sha256 in (fresh, *done.artifacts.values())]
    needed += [place.path(saved.sha256) for saved in store.checkpoints(lease.run_id) if saved]
    swept = store.sweep()
    assert (swept.temporary, swept.artifacts, swept.logs, swept.quarantined) == (1, 1, 2, 0)
    assert swept.folders >= 1
    assert not left.exists()
    assert not place.path(orphan).parent.exists(), "a folder goes with the last thing in it"
    assert all(path.exists() for path in needed)
    assert [path.name for path in logs.iterdir()] == [f"{done.id}.log"]
    aged(place.quarantine / lasting, 2 * sweeping.QUARANTINED)
    assert store.sweep().quarantined == 1
    assert store.sweep() == Swept()
    assert Swept().total == 0


def test_a_store_is_swept_at_opening_once_a_day(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = []
    monkeypatch.setattr(Store, "sweep", lambda self: swept.append(1))
    for expected in (0, 0):
        Store.open().close()
        assert len(swept) == expected
    aged(home / "swept", 2 * sweeping.EVERY)
    for expected in (1, 1):
        Store.open().close()
        assert len(swept) == expected


def test_a_folder_swept_while_a_file_is_put_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from explorer import files

    place, write = ArtifactFolder(tmp_path), files.write

    def swept(path: Path, data: bytes, *, mode: int) -> None:
        monkeypatch.setattr(files, "write", write)
        path.parent.rmdir()
        write(path, data, mode=mode)

    monkeypatch.setattr(files, "write", swept)
    assert place.get_bytes(place.put_bytes(b"x")) == b"x"
