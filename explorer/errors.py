"""Errors a person can mend: every message is one sentence that names the thing and says what to do.

The command line prints the message and exits with status 2, a page shows it in place of a traceback. Names and values
in it come from outside, so whatever they hold, the message is one line of printable characters and of bounded length.
"""

import re

MOST = 300  # characters of a message
_WORDS = (160, 80, 40)  # to how many characters long words are cut, the longest that suffices first
_ESCAPES = re.compile(r"\x1b\[[0-?]*+[ -/]*+[@-~]")


class ExplorerError(Exception):
    """Base of every error that reports something the person can mend."""

    def __init__(self, message: str = "") -> None:
        super().__init__(sentence(message))


class StudyError(ExplorerError):
    """A study that is unknown, incomplete or contradicts itself."""


class PlanError(ExplorerError):
    """A plan that does not fit its study, or a budget no plan can meet."""


class QuantizerError(ExplorerError):
    """A quantizer asked for something it does not have, such as 9 bits."""


class CurvatureError(ExplorerError):
    """A curvature that cannot be computed; the message names the block."""


class TooManyOutputs(CurvatureError):
    """A loss without a known Hessian at the outputs, of more outputs than one can be differentiated for."""


class NoSampleGradients(CurvatureError):
    """Gradients that cannot be told apart by sample; the message says why."""


class DeviceError(ExplorerError):
    """A device that is not there; the message says which are."""


class LapqError(ExplorerError):
    """Step sizes that cannot be optimised; the message says what stands against it."""


class ExportError(ExplorerError):
    """A network that a file cannot hold as it is, or a file that holds none; the message names the layer."""


class RunError(ExplorerError):
    """A run that does not exist, or cannot do what it was asked to."""


class LessonError(ExplorerError):
    """A lesson, a control or an answer that there is not; the message says what there is."""


class NotebookError(ExplorerError):
    """A widget without the libraries of notebooks, or asked for what it does not show."""


class AccessError(ExplorerError):
    """An app that would be open to everybody, a login that is unfit, or something another person may not do."""


def sentence(text: str) -> str:
    """The text on one line, without control characters, long words and then the whole cut in the middle.

    >>> sentence("there is no block \\x1b[1mconv1\\x1b[0m;\\n correct it")
    'there is no block conv1; correct it'
    >>> len(sentence("there is no study at " + 10_000 * "x" + "; give a folder"))
    195
    """
    shown = _ESCAPES.sub("", text[: 100 * MOST] + text[100 * MOST :][-100 * MOST :])
    shown = "".join(
        each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in " ".join(shown.split())
    )
    for most in _WORDS:
        if len(shown) > MOST:
            shown = " ".join(cut(word, most) for word in shown.split(" "))
    return cut(shown, MOST)


def cut(text: str, most: int) -> str:
    """The text with its middle left out where it has more than so many characters.

    >>> cut("weights/of/a/network.safetensors", 20)
    'weights/o…afetensors'
    """
    if len(text) <= most:
        return text
    end = most // 2
    return f"{text[: most - end - 1]}…{text[-end:]}"
