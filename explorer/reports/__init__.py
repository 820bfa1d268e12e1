"""Reports that stand alone: one HTML file of a study, its plans and its runs, for who has never seen this program."""

from explorer.reports.printing import pdf
from explorer.reports.writing import report, write

__all__ = ["pdf", "report", "write"]
