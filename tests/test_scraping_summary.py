"""The sentence about a scraped table."""

import pandas as pd

from spoken_cefr.scraping import tell_shortcuts


def test_lengths_and_speakers_are_those_of_the_table():
    usable = pd.DataFrame(
        {
            "level": ["A1", "A1", "C1"],
            "speaker_id": ["a", "b", "a"],
            "age_group": ["enfant", "adulte", "adulte"],
            "duration_s": [10.0, 20.0, 60.0],
        }
    )
    told = tell_shortcuts(usable)
    assert "3 recordings by 2 speakers" in told
    assert "15 s on average at A1 and 60 s at C1" in told
    assert "speak 50% of A1 and 0% of C1" in told
    assert "C1 has the fewest speakers, 1" in told
