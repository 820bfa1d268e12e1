"""What pyproject.toml cannot say: the app lies beside the package, and a wheel takes it along.

``app.py``, ``pages/``, ``.streamlit/config.toml`` and the documentation that a page shows stand at the top of the
repository, where Streamlit and readers look for them. A wheel has them in ``explorer/app/``, where ``python -m explorer
app`` finds them.
"""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
APP = ("app.py", "pages/*.py", ".streamlit/config.toml", "docs/own-study.md")


class WithApp(build_py):
    """Builds the package, then copies the app into it; an editable install uses the app where it is."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for pattern in APP:
            for source in sorted(ROOT.glob(pattern)):
                target = Path(self.build_lib, "explorer", "app", source.relative_to(ROOT))
                target.parent.mkdir(parents=True, exist_ok=True)
                self.copy_file(str(source), str(target))


setup(cmdclass={"build_py": WithApp})
