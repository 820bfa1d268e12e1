"""``app``: the app in the browser, from a clone or from an installed package."""

import runpy
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

import explorer
from explorer.errors import ExplorerError

_PACKAGE = Path(explorer.__file__).parent
# The theme is read by Streamlit itself from the file beside the app; the rest must hold whatever the person's own
# settings and environment say.
_THEME = "theme"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("app")(serve)


def serve(
    study: Annotated[
        list[str] | None,
        typer.Option(help="a study of your own to offer: its folder or study.toml; may be repeated"),
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="by default 8501")] = None,
) -> None:
    """Start the app on http://127.0.0.1:8501 until Ctrl-C; it answers this computer only."""
    own = study or []
    if own:
        from explorer import studies

        studies.catalogue(tuple(own))  # a mistake is said here and not on the page
    script = app_script()
    options = settings(script) | ({} if port is None else {"server.port": port})
    offered = [word for each in own for word in ("--study", each)]
    sys.argv = ["streamlit", "run", str(script), *flags(options), "--", *offered]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


def app_script() -> Path:
    """``app.py``: in the package that a wheel installed, or beside the package in a clone.

    Raises:
        ExplorerError: it is in neither place.
    """
    places = (_PACKAGE / "app" / "app.py", _PACKAGE.parent / "app.py")
    for script in places:
        if script.is_file():
            return script
    raise ExplorerError(f"the app is missing ({places[0]}); install the package again")


def settings(script: Path) -> dict[str, Any]:
    """The settings of the app by their dotted names, without those of its looks."""
    path = script.parent / ".streamlit" / "config.toml"
    sections = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        f"{section}.{name}": value
        for section, options in sections.items()
        if section != _THEME
        for name, value in options.items()
    }


def flags(options: dict[str, Any]) -> list[str]:
    """Settings as flags of ``streamlit run``, which go before files and environment variables."""
    words = []
    for name, value in options.items():
        for each in value if isinstance(value, list) else [value]:
            words += [f"--{name}", str(each).lower() if isinstance(each, bool) else str(each)]
    return words
