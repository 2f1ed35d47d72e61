"""Count the real French catalogue of January 2025: two small tables for ``data/``.

    python tools/count_catalogue.py [CATALOGUE.csv]

The catalogue names real people, some of them minors, and never enters git. What
is kept are counts: recordings by level, age, gender and duration class as the
site's own filters show them to everybody, and recordings and speakers by level
in a split where no speaker is in two parts. No names, dates, titles or rows.
"""

import argparse
from pathlib import Path

import pandas as pd

from spoken_cefr.corpus.cards import AGE_GROUPS, DURATION_CLASSES
from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.corpus.speakers import PARTS, speaker_ids
from spoken_cefr.evaluation.catalogue import COUNT_COLUMNS, COUNTS, SPLIT_COUNTS
from spoken_cefr.neural_networks.split import speaker_split
from spoken_cefr.paths import ROOT
from spoken_cefr.store import write_csv

CATALOGUE = ROOT.parent / "shared" / "data" / "audio_lingua_fr_2025-01.csv"


def read_catalogue(path: Path) -> pd.DataFrame:
    """Read the catalogue with our names of columns, one row a recording.

    Returns
    -------
    pd.DataFrame
        recording_id (the row's number: only equality counts), speaker_id,
        level, age_group, gender, duration_class.
    """
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    names = {"Level": "level", "Age": "age_group", "Gender": "gender", "Duration": "duration_class"}
    table = rows[list(names)].rename(columns=names)
    return table.assign(
        recording_id=[f"{number:04d}" for number in range(len(rows))],
        speaker_id=speaker_ids(rows["Author"].tolist()),
    )


def count_recordings(table: pd.DataFrame) -> pd.DataFrame:
    """Recordings by level, age, gender and duration class; combinations of none are left out."""
    counts = table.groupby(list(COUNT_COLUMNS), as_index=False).size()
    counts = counts.rename(columns={"size": "recordings"})
    order = {
        name: index
        for index, name in enumerate([*TARGET_LEVELS, "C2", *AGE_GROUPS, *DURATION_CLASSES])
    }
    return counts.sort_values(
        list(COUNT_COLUMNS), key=lambda column: column.map(lambda name: (order.get(name, 99), name))
    )


def count_split(table: pd.DataFrame) -> pd.DataFrame:
    """Recordings and speakers of each level in each part of a speaker-disjoint split.

    The part and the level "all" are given too: a speaker may have several levels.
    """
    split = speaker_split(table[table["level"].isin(TARGET_LEVELS)])
    rows = []
    for part in (*PARTS, "all"):
        of_part = split if part == "all" else split[split["part"] == part]
        for level in (*TARGET_LEVELS, "all"):
            those = of_part if level == "all" else of_part[of_part["level"] == level]
            rows.append((part, level, len(those), those["speaker_id"].nunique()))
    return pd.DataFrame(rows, columns=["part", "level", "recordings", "speakers"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("catalogue", nargs="?", type=Path, default=CATALOGUE)
    table = read_catalogue(parser.parse_args().catalogue)
    write_csv(COUNTS, count_recordings(table))
    write_csv(SPLIT_COUNTS, count_split(table))
    print(f"{COUNTS}\n{SPLIT_COUNTS}")


if __name__ == "__main__":
    main()
