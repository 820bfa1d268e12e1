"""Archives: what was packed comes out as it was; what is damaged or malicious is refused whole, and nothing is left."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from explorer import studies
from explorer.errors import ExplorerError, RunError
from explorer.jobs import execute, sharing, shipped
from explorer.jobs.requests import spec_of
from explorer.jobs.sharing import receiving
from explorer.plans import Plan
from explorer.questions import EvaluateQuestion, FinetuneQuestion
from explorer.runs import Store
from explorer.studies import Study
from tests import learnable
from tests.examples import examples

Entries = dict[str, bytes]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Store, Path]:
    """A study of one's own with an accuracy and a training, and its archive."""
    folder = tmp_path_factory.mktemp("packed")
    study = studies.load_network(learnable.write(folder / "learnable"))
    store = Store.open(home=folder / "home")
    execute(store, spec_of(study, EvaluateQuestion()))
    plan = Plan.uniform(study, study.blocks(), 4, 8).to_json()
    execute(store, spec_of(study, FinetuneQuestion(plan=plan, epochs=1)))
    sharing.pack(study, store, folder / "learnable.zip")
    return study, store, folder / "learnable.zip"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(home=tmp_path / "other")
    yield opened
    opened.close()


def test_what_was_packed_is_taken_in_as_it_was(
    packed: tuple[Study, Store, Path], other: Store, tmp_path: Path
) -> None:
    """Study, results, points and trained weights; the study answers its questions there, from its new place."""
    study, store, archive = packed
    found = sharing.receive(archive, other, tmp_path / "given", trust_code=True)
    assert found.reference == str(tmp_path / "given" / "study.toml")
    assert (len(found.runs), found.known, found.remark) == (2, 0, "")
    loaded = studies.load_network(found.reference)
    assert loaded.fingerprint == study.fingerprint
    for mine in store.list():
        theirs = other.find(spec_of(loaded, EvaluateQuestion())) if mine.spec.kind == "evaluate" else None
        theirs = theirs or other.get(mine.id)
        assert (theirs.status, theirs.result) == ("done", mine.result)
        assert theirs.spec.study == found.reference
        for series in ("train", "test"):
            assert other.points(mine.id, series) == store.points(mine.id, series)
    [training] = other.list(kind="finetune")
    assert set(other.tensors(training.id, "trained")) == set(store.tensors(training.id, "trained"))
    again = sharing.receive(archive, other, tmp_path / "again", trust_code=True)
    assert (again.runs, again.known) == ((), 2)


def test_an_archive_tells_nothing_of_the_machine_it_was_packed_on(packed: tuple[Study, Store, Path]) -> None:
    """No entry names the folder that the study was in; the same study makes the same bytes."""
    study, store, archive = packed
    with zipfile.ZipFile(archive) as entries:
        for name in ("archive.json", "runs/runs.json", "study/study.toml"):
            assert str(archive.parent).encode() not in entries.read(name)
    again = archive.with_name("again.zip")
    sharing.pack(study, store, again)
    assert again.read_bytes() == archive.read_bytes()


def test_data_from_elsewhere_goes_along(
    packed: tuple[Study, Store, Path], other: Store, tmp_path: Path
) -> None:
    """A study whose data lie in another folder, under an absolute path, is whole at its new place."""
    study, store, _ = packed
    home = tmp_path / "elsewhere"
    shutil.copytree(Path(study.reference).parent, home)
    (home / "data.npz").rename(tmp_path / "far.npz")
    text = (home / "study.toml").read_text().replace('"data.npz"', json.dumps(str(tmp_path / "far.npz")))
    (home / "study.toml").write_text(text + '[card]\ntitle = "Far \\"away\\""\nfacts = { "a b" = "c" }\n')
    far = studies.load_network(home / "study.toml")
    sharing.pack(far, store, tmp_path / "far.zip", runs=[])
    (tmp_path / "far.npz").unlink()
    found = sharing.receive(tmp_path / "far.zip", other, tmp_path / "given", trust_code=True)
    loaded = studies.load_network(found.reference)
    assert (loaded.fingerprint, loaded.card) == (far.fingerprint, far.card)


def test_runs_of_a_built_in_study_need_no_folder(other: Store, tmp_path: Path) -> None:
    """Its files come with the project, so its archive holds runs alone, without code."""
    store, study = Store.open(home=tmp_path / "home"), studies.load_network("fashion-thin")
    [accuracy] = [
        run
        for run in store.bundles.adopt(shipped.bundle(study.name), "")
        if store.get(run).spec.kind == "evaluate"
    ]
    contents = sharing.pack(study, store, tmp_path / "thin.zip", runs=[accuracy])
    assert all(name.startswith("runs/") for name in contents.files)
    found = sharing.receive(tmp_path / "thin.zip", other)
    assert (found.reference, len(found.runs), found.remark) == ("fashion-thin", 1, "")


def listed(entries: Entries, **changes: Any) -> Entries:
    """The entries with a list that fits them."""
    content = json.loads(entries["archive.json"]) | changes
    content["files"] = {
        name: {"sha256": sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in entries.items()
        if name != "archive.json"
    }
    return {**entries, "archive.json": json.dumps(content).encode()}


def run_of(entries: Entries, change: Callable[[dict[str, Any]], Any]) -> Entries:
    """The entries with the first run changed."""
    runs = json.loads(entries["runs/runs.json"])
    change(runs[0])
    return listed({**entries, "runs/runs.json": json.dumps(runs).encode()})


def toml(entries: Entries, old: str, new: str) -> Entries:
    """The entries with another description."""
    text = entries["study/study.toml"].decode()
    assert old in text
    return listed({**entries, "study/study.toml": text.replace(old, new).encode()})


CASES: Mapping[str, tuple[Callable[[Entries], Entries], str]] = {
    "a path that leads out": (lambda e: listed({**e, "study/../../out": b"x"}), "no path inside it"),
    "an absolute path": (lambda e: listed({**e, "/tmp/out": b"x"}), "no path inside it"),
    "a path of Windows": (lambda e: listed({**e, "study\\\\..\\\\out": b"x"}), "no path inside it"),
    "a device of Windows": (lambda e: listed({**e, "study/NUL.toml": b"x"}), "no path inside it"),
    "a file elsewhere": (lambda e: listed({**e, "other/file.json": b"x"}), "where no file may be"),
    "two names that are one": (lambda e: listed({**e, "study/STUDY.toml": b"x"}), "two files of one name"),
    "a file that is a folder": (lambda e: listed({**e, "study/study.toml/a.json": b"x"}), "where no file may be"),
    "a file that is not listed": (lambda e: {**e, "study/more.json": b"x"}, "other files than it lists"),
    "a file that is missing": (
        lambda e: {name: data for name, data in e.items() if not name.endswith(".npz")},
        "other files than it lists",
    ),
    "another content": (
        lambda e: {**e, "study/net.py": e["study/net.py"].replace(b"ReLU", b"GELU")},
        "wrong SHA-256",
    ),
    "another size": (lambda e: {**e, "study/net.py": b"import os"}, "another size than it lists"),
    "no list": (lambda e: {name: data for name, data in e.items() if name != "archive.json"}, "has no archive"),
    "a list that is none": (lambda e: {**e, "archive.json": b"[1]"}, "a list that cannot be read"),
    "a list that nests": (lambda e: {**e, "archive.json": b"[" * 10_000}, "nests brackets"),
    "a later version": (lambda e: listed(e, version=2), "a list that cannot be read"),
    "a built-in name": (lambda e: listed(e, built_in=True), "not known here"),
    "no description": (
        lambda e: listed({name: data for name, data in e.items() if name != "study/study.toml"}),
        "has no study.toml",
    ),
    "data elsewhere": (lambda e: toml(e, "data.npz", "../../data.npz"), "does not hold"),
    "code elsewhere": (lambda e: toml(e, "net.py:build", "/usr/lib/evil.py:build"), "does not hold"),
    "a network that is none": (
        lambda e: listed({**e, "study/net.py": b"def build():\n    return 1"}),
        "must return an nn.Module",
    ),
    "a run of another study": (lambda e: listed(e, fingerprint="0" * 64), "another study"),
    "a run of no known kind": (lambda e: run_of(e, lambda r: r["spec"].update(kind="os:system")), "no kind of run"),
    "a result of another form": (lambda e: run_of(e, lambda r: r.update(result="[]")), "no readable result"),
    "a result that is no text": (lambda e: run_of(e, lambda r: r.update(result={})), "cannot be read"),
    "a moment that never was": (lambda e: run_of(e, lambda r: r.update(finished=1e300)), "cannot be read"),
    "a point that is none": (lambda e: run_of(e, lambda r: r.update(points={"a": ["1"]})), "is damaged"),
    "a hash that is a path": (
        lambda e: run_of(e, lambda r: r.update(artifacts={"a": "../../../etc/passwd"})),
        "cannot be read",
    ),
    "a file that no entry has": (lambda e: run_of(e, lambda r: r.update(artifacts={"a": "0" * 64})), "lacks the file"),
    "a field of its own": (lambda e: run_of(e, lambda r: r.update(owner="me")), "not a bundle"),
    "one run twice": (
        lambda e: listed({**e, "runs/runs.json": json.dumps(json.loads(e["runs/runs.json"]) * 2).encode()}),
        "twice",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_refused_whole(
    case: str, packed: tuple[Study, Store, Path], other: Store, tmp_path: Path
) -> None:
    """In one sentence that says what is wrong, even where code is trusted."""
    change, said = CASES[case]
    with zipfile.ZipFile(packed[2]) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    refused(zipped(change(entries)), other, tmp_path, said)


def test_links_ciphers_and_rare_compression_are_refused(
    packed: tuple[Study, Store, Path], other: Store, tmp_path: Path
) -> None:
    """A link could point anywhere; an LZMA entry inflates without a bound."""
    content = packed[2].read_bytes()

    def link(entry: zipfile.ZipInfo) -> None:
        entry.external_attr = 0o120777 << 16

    def folder(entry: zipfile.ZipInfo) -> None:
        entry.external_attr = 0o040755 << 16

    def rare(entry: zipfile.ZipInfo) -> None:
        entry.compress_type = zipfile.ZIP_LZMA

    for change, said in ((link, "no regular file"), (folder, "no regular file"), (rare, "unusual way")):
        refused(zipped(entries_of(content), {"study/net.py": change}), other, tmp_path, said)
    directory = content.rindex(b"PK\x01\x02")
    ciphered = bytearray(content)
    ciphered[directory + 8] |= 1
    refused(bytes(ciphered), other, tmp_path, "encrypted")


def test_an_archive_that_grows_is_refused(
    packed: tuple[Study, Store, Path], other: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what its directory says before anything is unpacked, and by what comes where the directory lies."""
    entries = entries_of(packed[2].read_bytes())
    bomb = zipped(listed({**entries, "study/zeros.json": bytes(40_000_000)}))
    monkeypatch.setattr(receiving, "NEVER_SUSPECT", 1_000_000)
    refused(bomb, other, tmp_path, "would unpack to")
    monkeypatch.undo()
    truth, lie = (40_000_000).to_bytes(4, "little"), (4).to_bytes(4, "little")
    small = listed({**entries, "study/zeros.json": bytes(4)})["archive.json"]
    lying = zipped({**entries, "study/zeros.json": bytes(40_000_000), "archive.json": small}).replace(
        truth, lie
    )
    refused(lying, other, tmp_path, "")


def test_code_is_not_taken_in_unless_it_is_trusted(
    packed: tuple[Study, Store, Path], other: Store, tmp_path: Path
) -> None:
    """A source file, whatever else is no data, and a function of a package that the project does not bring."""
    entries = entries_of(packed[2].read_bytes())
    refused(packed[2].read_bytes(), other, tmp_path, "holds code", trust_code=False)
    without = {name: data for name, data in entries.items() if name != "study/net.py"}
    named = toml(without, "net.py:build", "antigravity:build")
    refused(zipped(named), other, tmp_path, "the function antigravity:build", trust_code=False)
    library = toml({**without, "study/net.so": b"x"}, "net.py:build", "explorer.studies.networks.small:build")
    refused(zipped(library), other, tmp_path, "study/net.so", trust_code=False)


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_archive_is_refused_or_is_what_it_was(
    packed: tuple[Study, Store, Path], other: Store, tmp_path: Path, data: st.DataObject
) -> None:
    """Bytes flipped or cut off, anywhere: what is taken in all the same has every hash that it had."""
    content = bytearray(packed[2].read_bytes())
    ends = st.one_of(
        st.integers(0, len(content) - 1),
        st.integers(len(content) - 3000, len(content) - 1),
        st.integers(0, 3000),
    )
    for place in data.draw(st.lists(ends, min_size=1, max_size=4)):
        content[place] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    (tmp_path / "archive.zip").write_bytes(bytes(content[:cut]))
    given = tmp_path / "given"
    try:
        sharing.receive(tmp_path / "archive.zip", other, given, trust_code=True)
    except ExplorerError:
        assert left(tmp_path, other) == []
    else:
        mine = Path(packed[0].reference).parent
        assert all((mine / path.name).read_bytes() == path.read_bytes() for path in given.iterdir())
        shutil.rmtree(given)
        for run in other.list():
            other.delete(run.id)


def refused(content: bytes, store: Store, folder: Path, said: str, *, trust_code: bool = True) -> None:
    """Make sure that an archive is refused in a sentence with these words, and that nothing is left of it."""
    path = folder / "archive.zip"
    path.write_bytes(content)
    with pytest.raises(ExplorerError) as error:
        sharing.receive(path, store, folder / "given", trust_code=trust_code)
    assert said in str(error.value)
    assert left(folder, store) == []


def left(folder: Path, store: Store) -> list[str]:
    """What there is beside the archive and the empty store."""
    found = [path.name for path in folder.iterdir() if path not in (folder / "archive.zip", store.home)]
    kept = [path.name for path in (store.home / "artifacts").rglob("*") if path.is_file()]
    return [*found, *kept, *(run.id for run in store.list()), *(["out"] if Path("/tmp/out").exists() else [])]


def entries_of(content: bytes) -> Entries:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(entries: Entries, changes: Mapping[str, Callable[[zipfile.ZipInfo], None]] | None = None) -> bytes:
    """An archive of these entries; some of them are changed before they are written."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name)
            entry.filename = name  # as it is, whatever this system's separator
            entry.compress_type = zipfile.ZIP_DEFLATED
            if changes is not None and name in changes:
                changes[name](entry)
            archive.writestr(entry, data)
    return made.getvalue()


def test_a_folder_that_holds_something_is_left_alone(
    packed: tuple[Study, Store, Path], other: Store, tmp_path: Path
) -> None:
    """And a study of one's own has to be given a place."""
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match="name another folder"):
        sharing.receive(packed[2], other, tmp_path / "given", trust_code=True)
    with pytest.raises(RunError, match="--out"):
        sharing.receive(packed[2], other, trust_code=True)
    assert (tmp_path / "given" / "mine.txt").read_text() == "mine"
