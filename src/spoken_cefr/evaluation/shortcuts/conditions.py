"""The conditions of ``audit.csv``: what is heard of a recording, or what is learned from it."""

import pandas as pd

WHOLE, CROP, WITHIN = "whole recording", "fixed-length crop", "within duration classes"
SILENCE, PERMUTED = "silence only", "labels permuted"


def as_it_is(audit: pd.DataFrame) -> pd.Series:
    """Which rows of ``audit.csv`` are of a model that is what its name says.

    A probe of silence is: it has a name. A run that was trained again on silence is not.
    """
    again = (audit["kind"] == "run") & audit["condition"].isin((SILENCE, PERMUTED))
    return (audit["condition"] != WITHIN) & ~again
