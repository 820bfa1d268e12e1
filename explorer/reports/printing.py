"""A report as PDF, printed by a Chromium that is installed on the system.

Chromium is started without a window and without a network. Three-dimensional figures are WebGL, which a machine without
a graphics card draws in software (SwiftShader); without it they would be white. Printing waits until all figures are
drawn, in the browser's virtual time.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from explorer import files
from explorer.errors import RunError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
SECONDS = 600
_FLAGS = (
    "--headless=new",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--proxy-server=127.0.0.1:9",  # where nobody listens: whatever would be fetched is not
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--window-size=1100,1400",
    "--no-pdf-header-footer",
    "--virtual-time-budget=15000",
)


def browser() -> str | None:
    """Path of the first Chromium there is; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def pdf(html: str, path: Path) -> None:
    """Print a report.

    Args:
        html: what `report` returned.
        path: of the PDF, which is there whole or not at all.

    Raises:
        RunError: there is no Chromium, it fails, or the file cannot be written.
    """
    program = browser()
    if program is None:
        raise RunError(
            "no Chromium is installed, which prints the PDF; install one, or open the HTML in a browser and print it"
        )
    with tempfile.TemporaryDirectory(prefix="explorer-report-") as folder:
        source, printed = Path(folder) / "report.html", Path(folder) / "report.pdf"
        source.write_text(html, encoding="utf-8")
        sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        command = [
            program,
            *_FLAGS,
            *sandbox,
            f"--user-data-dir={folder}/profile",
            f"--print-to-pdf={printed}",
            source.as_uri(),
        ]
        try:
            subprocess.run(command, capture_output=True, check=False, timeout=SECONDS)
            content = printed.read_bytes()
        except subprocess.TimeoutExpired as error:
            raise RunError(
                f"Chromium did not print the report within {SECONDS} s; open the HTML in a browser and print it"
            ) from error
        except OSError as error:
            raise RunError(
                f"{program} printed no PDF ({error.strerror}); open the HTML in a browser and print it"
            ) from error
    try:
        files.write(path, content)
    except (OSError, ValueError) as error:
        raise RunError(f"the PDF cannot be written to {path}; name another place") from error
