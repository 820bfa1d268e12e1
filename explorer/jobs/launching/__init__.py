"""Launching of workers."""
