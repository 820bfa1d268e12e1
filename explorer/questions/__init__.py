"""Questions: what can be asked of a study, one frozen model a kind, with its defaults and limits.

A question is the one place that spells its options. The library's functions take it or plain keywords with the same
defaults; the command line's options and the pages' forms are made from its fields; the identity of a run is made of
its `Question.parameters`. Questions import nothing that computes, so that a command's help need not wait for PyTorch.

>>> from explorer.questions import TracesQuestion
>>> TracesQuestion(rel_se=0.1).parameters()
{'rel_se': 0.1}
>>> TracesQuestion(rel_se=0).parameters()
Traceback (most recent call last):
    ...
explorer.errors.CurvatureError: rel_se=0 is no error to reach; give one above 0, such as 0.05
"""

from explorer.questions.along import Ladder, MeasureFrontierQuestion
from explorer.questions.base import Quantizer, Question, question_of
from explorer.questions.choose import ChooseQuestion
from explorer.questions.damage import DamageQuestion, ProxyQuestion
from explorer.questions.exports import ExportLatencyQuestion, ExportQuestion
from explorer.questions.frontier import FrontierQuestion
from explorer.questions.landscape import LandscapeQuestion
from explorer.questions.lessons import LessonQuestion
from explorer.questions.spectra import EigenvaluesQuestion, SpectrumQuestion
from explorer.questions.steps import (
    LapqHessianQuestion,
    LapqQuestion,
    LapqSurfaceQuestion,
    LapqSweepQuestion,
    LapqTableQuestion,
    StepsLoss,
)
from explorer.questions.traces import TracesQuestion
from explorer.questions.training import EvaluateQuestion, FinetuneQuestion

__all__ = [
    "ChooseQuestion",
    "DamageQuestion",
    "EigenvaluesQuestion",
    "EvaluateQuestion",
    "ExportLatencyQuestion",
    "ExportQuestion",
    "FinetuneQuestion",
    "FrontierQuestion",
    "Ladder",
    "LandscapeQuestion",
    "LapqHessianQuestion",
    "LapqQuestion",
    "LapqSurfaceQuestion",
    "LapqSweepQuestion",
    "LapqTableQuestion",
    "LessonQuestion",
    "MeasureFrontierQuestion",
    "ProxyQuestion",
    "Quantizer",
    "Question",
    "SpectrumQuestion",
    "StepsLoss",
    "TracesQuestion",
    "question_of",
]
