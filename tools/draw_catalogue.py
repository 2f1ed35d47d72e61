"""Draw the real corpus' three figures into ``doc/`` from the tables in ``data/``.

    python tools/draw_catalogue.py

doc/classes.svg         data/fr_catalogue_2025-01_counts.csv, data/study_tables.toml
doc/age.svg             data/fr_catalogue_2025-01_counts.csv
doc/data_balancing.svg  data/fr_catalogue_2025-01_split_counts.csv, data/study_tables.toml

The same bytes every time; the demo's own figures are in ``doc/demo/``.
"""

from pathlib import Path

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.evaluation.catalogue import read_counts, read_split_counts
from spoken_cefr.evaluation.study import read_study
from spoken_cefr.figures.corpus import (
    draw_catalogue_age,
    draw_catalogue_balancing,
    draw_catalogue_classes,
)
from spoken_cefr.figures.style import save_figure
from spoken_cefr.paths import ROOT


def draw(folder: Path) -> list[Path]:
    """Write the three figures to a folder; return their paths."""
    counts, split_counts = read_counts(), read_split_counts()
    published = read_study()["table_1"]
    study = (published["recordings"], published["segments"])
    left_out = counts["recordings"][~counts["level"].isin(TARGET_LEVELS)].sum()
    source = (
        f"French catalogue of Audio Lingua, January 2025, without its {left_out} recordings of "
        "level C2."
    )
    figures = {
        "classes": draw_catalogue_classes(counts, *study),
        "age": draw_catalogue_age(counts),
        "data_balancing": draw_catalogue_balancing(split_counts, *study),
    }
    paths = []
    for name, figure in figures.items():
        paths.append(folder / f"{name}.svg")
        save_figure(figure, paths[-1], notice=source)
    return paths


if __name__ == "__main__":
    print("\n".join(str(path) for path in draw(ROOT / "doc")))
