"""Estimators of traces: exact, by output probes, by Hutchinson's products; averaged until the error is small."""
