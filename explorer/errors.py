"""Errors a person can mend: every message is one sentence that names the thing and says what to do.

The command line prints the message and exits with status 2, a page shows it in place of a traceback.
"""


class ExplorerError(Exception):
    """Base of every error that reports something the person can mend."""


class StudyError(ExplorerError):
    """A study that is unknown, incomplete or contradicts itself."""


class PlanError(ExplorerError):
    """A plan that does not fit its study, or a budget no plan can meet."""


class QuantizerError(ExplorerError):
    """A quantizer asked for something it does not have, such as 9 bits."""


class CurvatureError(ExplorerError):
    """A curvature that cannot be computed; the message names the block."""


class LapqError(ExplorerError):
    """Step sizes that cannot be optimised; the message says what stands against it."""


class RunError(ExplorerError):
    """A run that does not exist, or cannot do what it was asked to."""
