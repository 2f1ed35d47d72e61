"""Score the shortcuts on a catalogue of the real site and write the numbers, never a row.

    python tools/catalogue_baselines.py ../shared/data/audio_lingua_fr_2025-01.csv

writes ``data/fr_catalogue_2025-01_baselines.json``. It holds scores, counts and
the catalogue's SHA-256: no card, no name.
"""

import argparse
from pathlib import Path

from spoken_cefr.evaluation.catalogue import (
    Catalogue,
    catalogue_baselines,
    descriptions,
    read_catalogue,
)
from spoken_cefr.files import sha256_of, write_json
from spoken_cefr.levels import label_set, to_label_set
from spoken_cefr.paths import ROOT
from spoken_cefr.speakers import N_FOLDS

N_REPEATS = 5
N_BOOTSTRAP = 1000
CONFIDENCE = 0.95
SEED = 42


def main() -> None:
    """Read the arguments, score, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("catalogue", type=Path, help="CSV of cards as the study's scraper wrote it")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "data" / "fr_catalogue_2025-01_baselines.json"
    )
    arguments = parser.parse_args()
    write_json(arguments.out, document(arguments.catalogue, read_catalogue(arguments.catalogue)))


def document(path: Path, catalogue: Catalogue) -> dict[str, object]:
    """All numbers of a catalogue as JSON, with where they come from."""
    cards = catalogue.cards
    return {
        "source": {
            "file": path.name,
            "sha256": sha256_of(path),
            "n_cards": len(cards) + sum(catalogue.dropped.values()),
            "n_usable": len(cards),
            "dropped": catalogue.dropped,
            "n_authors": int(cards["author"].nunique()),
            "n_speakers": int(cards["speaker_id"].nunique()),
        },
        "method": {
            "made_by": "tools/catalogue_baselines.py",
            "unit": "recording",
            "n_folds": N_FOLDS,
            "groups": "speaker: author strings as src/spoken_cefr/speakers.py joins them",
            "n_repeats": N_REPEATS,
            "n_bootstrap": N_BOOTSTRAP,
            "confidence": CONFIDENCE,
            "seed": SEED,
            "value": "mean over the repeats; low and high: bootstrap over speakers",
            "duration": "the site's duration class, for there is no audio",
        },
        "label_sets": {name: _of_label_set(catalogue, name) for name in ("keep", "merge")},
    }


def _of_label_set(catalogue: Catalogue, name: str) -> dict[str, object]:
    levels = label_set(name)
    scores = catalogue_baselines(
        catalogue.cards,
        levels=levels,
        n_repeats=N_REPEATS,
        n_bootstrap=N_BOOTSTRAP,
        confidence=CONFIDENCE,
        seed=SEED,
    )
    merged = to_label_set(catalogue.cards["level"], levels)
    told = descriptions()
    return {
        "levels": list(levels),
        "counts": {level: merged.count(level) for level in levels},
        "baselines": {
            shortcut: {"description": told[shortcut]}
            | {measure: interval._asdict() for measure, interval in intervals.items()}
            for shortcut, intervals in scores.items()
        },
    }


if __name__ == "__main__":
    main()
