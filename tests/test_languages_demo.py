"""The demo in other languages: its data are whole, and all four stages and the paper run."""

import csv

import pytest

from spoken_cefr.config import load_config
from spoken_cefr.corpus.dates import iso_date
from spoken_cefr.corpus.languages import find_language
from spoken_cefr.corpus.sound_files import open_sound
from spoken_cefr.paths import ROOT
from spoken_cefr.replica.catalogue import read_catalogue

CODES = ["de", "en", "es", "zh"]


@pytest.mark.parametrize("code", CODES)
def test_a_replica_of_another_language_is_small_and_says_that_a_machine_speaks(code):
    config = load_config(f"demo_{code}")
    folder = ROOT / config.scraping.replica_dir
    entries = read_catalogue(folder / "catalogue.csv")
    with (folder / "texts.csv").open(encoding="utf-8", newline="") as file:
        texts = {row["slug"]: row["text"] for row in csv.DictReader(file)}
    assert texts.keys() == {entry.slug for entry in entries}
    assert len(entries) == 12
    assert {entry.language for entry in entries} == {find_language(code).name}
    assert all(iso_date(entry.date).startswith("2024-") for entry in entries)
    # Each speaker at each level, so that a speaker tells no level.
    voices = {(entry.author, entry.level) for entry in entries}
    assert len(voices) == 12
    sounds = [folder / "audio" / f"{entry.slug}.mp3" for entry in entries]
    assert sum(path.stat().st_size for path in sounds) < 1e6
    for path in sounds:
        with open_sound(path) as sound:
            assert "machine-spoken" in sound.comment
            assert 5 < sound.frames / sound.samplerate < 20
    assert "Machine-spoken" in config.notice


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.whisper
def test_all_four_stages_and_the_paper_run_in_another_language(tmp_path):
    from spoken_cefr.evaluation import stage as evaluation
    from spoken_cefr.evaluation.scores.results import read_results
    from spoken_cefr.measures.table import measures_of
    from spoken_cefr.neural_networks import stage as neural_networks
    from spoken_cefr.neural_networks.bundle import bundle_folder
    from spoken_cefr.paper.build import build_paper
    from spoken_cefr.prediction.command import predict
    from spoken_cefr.processing import stage as processing
    from spoken_cefr.scraping import stage as scraping
    from spoken_cefr.store import read_json

    code = "zh"  # farthest from French: no spaces between words, a syllable a character
    config = load_config(
        f"demo_{code}",
        [
            f"data_dir={(tmp_path / 'data').as_posix()}",
            "neural_networks.epochs=2",
            "neural_networks.runs=table4_simple_256, ordinal_measures, fusion",
            "evaluation.n_bootstrap=20",
            "evaluation.n_permutations=0",
            "evaluation.audit_runs=",
        ],
    )
    assert scraping.run(config).n_out == 12
    assert processing.run(config).n_out == 12
    report = neural_networks.run(config)
    assert (report.n_in, report.n_out) == (3, 3)
    assert any(row["id"] == "measures" for row in report.remarks)
    evaluation.run(config)
    assert {"ordinal_measures", "fusion"} <= set(
        read_results(config.data_path / "evaluation")["run"]
    )
    assert build_paper(config).read_bytes().startswith(b"%PDF")
    folder = bundle_folder(config)
    card = read_json(folder / "config.json")
    assert card["language"] == code
    assert card["measures"] == [measure.name for measure in measures_of(code)]
    sounds = sorted((ROOT / config.scraping.replica_dir / "audio").glob("*.mp3"))[:1]
    french = ROOT / "data" / "replica" / "audio" / "kermesse.mp3"
    here, other = predict([*sounds, french], model=folder, quiet=True)
    assert here["level"] in card["classes"]
    assert set(here["measures"]) == {*card["measures"], "speech_time"}
    assert other["abstain_code"] == "other_language"
