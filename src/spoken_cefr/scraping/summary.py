"""What a scraped table says of its levels, in a sentence made from it."""

import pandas as pd


def tell_shortcuts(usable: pd.DataFrame) -> str:
    """How duration and speakers go with the level.

    Parameters
    ----------
    usable : pd.DataFrame
        Rows of ``metadata.csv``: level, speaker_id, duration_s.
    """
    by_level = usable.groupby("level")
    length_s = by_level["duration_s"].mean()
    speakers = by_level["speaker_id"].nunique()
    shortest, longest = length_s.idxmin(), length_s.idxmax()
    return (
        f"**What we see.** {len(usable)} recordings by {usable['speaker_id'].nunique()} speakers. "
        f"A recording lasts {length_s[shortest]:.0f} s on average at {shortest} and "
        f"{length_s[longest]:.0f} s at {longest}: its length alone is a clue to its level. "
        f"{speakers.idxmin()} has the fewest speakers, {speakers.min()}."
    )
