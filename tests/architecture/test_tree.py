"""What is shipped: nothing that runs code when it is loaded, nothing heavy, nothing of one machine."""

import ast
import io
import pickletools
import re
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_DATA = 12_000_000  # bytes

PICKLE_SUFFIXES = {".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt"}

# Put together here, so that this file does not hold what it looks for.
HOST_FOLDERS = ("work", "root", "opt/wheels", "opt/pypi")
HOST_PATHS = re.compile("|".join(rf"(?<![\w./~-])/{name}/" for name in HOST_FOLDERS))


def shipped() -> list[Path]:
    """The files that git has or would take up: a clone's files and new ones, no caches."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    names = sorted(set(listed.stdout.decode().split("\0")) - {""})
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def is_pickle(content: bytes) -> bool:
    """True for a pickle, a zip that holds one (as torch.save writes), and a NumPy array of objects."""
    if content[:1] == b"\x80" and content[1:2] in b"\x02\x03\x04\x05":
        try:
            return any(op.name == "STOP" for op, _, _ in pickletools.genops(content))
        except ValueError:
            return False
    if content[:6] == b"\x93NUMPY":
        return b"'|O'" in content[:256]
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return any(
                Path(entry).suffix in PICKLE_SUFFIXES or is_pickle(archive.read(entry))
                for entry in archive.namelist()
            )
    return False


def test_no_pickle_is_shipped() -> None:
    """Loading a pickle runs whatever it says: tensors are shipped as safetensors and plain arrays."""
    found = [
        str(path.relative_to(ROOT))
        for path in shipped()
        if path.suffix in PICKLE_SUFFIXES or is_pickle(path.read_bytes())
    ]
    assert not found, f"pickled files: {found}"


def test_pickles_are_recognised(tmp_path: Path) -> None:
    """The check above sees through names and archives, and lets plain arrays pass."""
    import pickle

    objects = tmp_path / "objects.npz"
    np.savez(objects, a=np.array([{"a": 1}], dtype=object))
    numbers = tmp_path / "numbers.npz"
    np.savez(numbers, a=np.arange(3))
    assert is_pickle(pickle.dumps({"a": 1}))
    assert is_pickle(objects.read_bytes())
    assert not is_pickle(numbers.read_bytes())
    assert not is_pickle(b"PNG and nothing else")


def test_the_package_never_unpickles() -> None:
    """What a person brings is loaded with weights_only=True and without pickled objects."""
    wrong = []
    for path in (ROOT / "explorer").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import):
                modules = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules = {(node.module or "").split(".")[0]}
            else:
                modules = set()
            if modules & {"pickle", "cloudpickle", "dill", "shelve"}:
                wrong.append(f"{where}: imports a pickle module")
            if isinstance(node, ast.Call):
                keywords = {k.arg: getattr(k.value, "value", None) for k in node.keywords}
                if ast.unparse(node.func) == "torch.load" and keywords.get("weights_only") is not True:
                    wrong.append(f"{where}: torch.load without weights_only=True")
                if keywords.get("allow_pickle"):
                    wrong.append(f"{where}: allow_pickle=True")
    assert not wrong, "\n".join(wrong)


def test_shipped_data_is_small() -> None:
    """Weights and images of the built-in studies come with every clone and every install."""
    data = {p: p.stat().st_size for p in shipped() if ROOT / "explorer" in p.parents and p.suffix != ".py"}
    total = sum(data.values())
    assert total < MOST_DATA, f"{total} bytes of data in explorer/, at most {MOST_DATA} are allowed"


def test_nothing_of_one_machine() -> None:
    """A path that exists on one machine only helps nobody else."""
    found = []
    for path in shipped():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if HOST_PATHS.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not found, "\n".join(found)
