"""Questions in words: the titles of runs and the recipes of trainings."""
