"""The bundle that the networks stage leaves: one saved training, weights bit for bit."""

import functools

import jsonschema
import numpy as np
import pandas as pd
import pytest
from test_neural_networks_stage import OPTIONS, write_processing

import spoken_cefr
from spoken_cefr import neural_networks
from spoken_cefr.config import load_config
from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.measures.table import MEASURES
from spoken_cefr.neural_networks import bundle, stage
from spoken_cefr.neural_networks.bundle import bundle_folder
from spoken_cefr.neural_networks.saved import load_run_model
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.choice import load_model
from spoken_cefr.processing.decoding import load_audio
from spoken_cefr.processing.stage import load_arrays, signal_spectrograms
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import read_json

NAMES = [measure.name for measure in MEASURES]
COLUMNS = [f"p_{level}" for level in TARGET_LEVELS]


def invented_measures(segments):
    """Measures that rise with the level, one of them sometimes undefined."""
    table = segments.groupby("recording_id", as_index=False)["level"].first()
    rng = np.random.default_rng(0)
    codes = table["level"].map(TARGET_LEVELS.index).to_numpy()
    values = codes[:, None] + rng.normal(0, 0.5, (len(table), len(NAMES)))
    values[::7, 3] = np.nan
    measures = pd.DataFrame(values, columns=NAMES)
    measures.insert(0, "recording_id", table["recording_id"])
    return measures


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Call it with runs: on a made-up corpus the stage has run with them, once.

    Gives the profile, the segments and the measures.
    """

    @functools.cache
    def train(runs):
        data = f'data_dir="{tmp_path_factory.mktemp("data").as_posix()}"'
        config = load_config("demo", [data, *OPTIONS, f"neural_networks.runs={runs}"])
        segments = write_processing(config)
        measures = invented_measures(segments)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stage, "measures_table", lambda config: measures)
            patch.setattr(bundle, "measures_table", lambda config: measures)
            report = neural_networks.run(config)
        assert report.remarks == []
        return config, segments, measures

    return train


def answering(config, run):
    """Folder of the first seed's training whose test part is that of split.csv, and that part."""
    folder = stage_folder(config, "neural_networks")
    split = pd.read_csv(folder / "split.csv", dtype={"recording_id": str})
    tested = split[split["part"] == "test"]
    (fold,) = set(tested["fold"])
    return folder / run / "seed_0" / f"fold_{fold}", tested["recording_id"].tolist()


@pytest.mark.parametrize("run", ["ordinal_measures", "small_cnn", "small_cnn_crop"])
def test_the_bundle_is_the_training_that_results_score(run, trained):
    config, segments, measures = trained(run)
    source, tested = answering(config, run)
    made = bundle_folder(config)
    weights = "model.safetensors"
    assert (made / weights).read_bytes() == (source / weights).read_bytes()
    of_run = stage_folder(config, "neural_networks") / run
    written = pd.read_parquet(of_run / "predictions.parquet")
    written = written[(written["seed"] == 0) & (written["part"] == "test")].set_index("id")
    rows, told = load_arrays(config)[0], measures.set_index("recording_id")
    for folder in (made, of_run):
        model = load_run_model(folder)
        for recording_id in tested:
            mine = (segments["recording_id"] == recording_id).to_numpy()
            answer = model.of_recording(rows[mine], told.loc[recording_id].to_numpy())
            expected = written.loc[recording_id, COLUMNS].to_numpy(dtype=float)
            np.testing.assert_allclose(answer, expected, atol=1e-6)


def test_the_ordinal_regression_is_bundled_before_any_other_run(trained):
    config, _, _ = trained("small_cnn,ordinal_measures")
    card = load_model(bundle_folder(config)).card
    assert card.kind == "measures_ordinal"
    assert card.synthetic and card.notice == config.notice


def test_a_run_can_be_asked_as_the_bundle_is(trained):
    config, _, _ = trained("small_cnn,ordinal_measures")
    run = load_model(stage_folder(config, "neural_networks") / "small_cnn")
    assert run.card.kind == "log_mel_small_cnn"
    assert run.ranges == load_model(bundle_folder(config)).ranges


@pytest.mark.whisper
def test_a_network_answers_a_new_file_by_the_chain_of_its_own_training(trained):
    config, _, _ = trained("small_cnn")
    folder = stage_folder(config, "neural_networks") / "small_cnn"
    file = ROOT / "data" / "replica" / "audio" / "kermesse.mp3"
    (result,) = spoken_cefr.predict(file, model=folder, quiet=True)
    jsonschema.validate([result], read_json(ROOT / "doc" / "predict_schema.json"))
    assert result["model"]["kind"] == "log_mel_small_cnn"
    assert result["timeline"]
    clean, _ = signal_spectrograms(config, "", load_audio(file))
    expected = load_run_model(folder).of_recording(clean, np.zeros(0))
    np.testing.assert_allclose(list(result["probabilities"].values()), expected, atol=1e-4)


def test_ranges_are_the_quartiles_of_the_train_part(trained):
    config, _, measures = trained("ordinal_measures")
    split = pd.read_csv(
        stage_folder(config, "neural_networks") / "split.csv", dtype={"recording_id": str}
    )
    chosen = split[(split["part"] == "train") & (split["level"] == "B1")]["recording_id"]
    values = measures.set_index("recording_id").loc[chosen, "speech_rate"]
    ranges = load_model(bundle_folder(config)).ranges
    np.testing.assert_allclose(
        ranges["speech_rate"]["B1"], np.quantile(values, [0.25, 0.5, 0.75]), atol=1e-4
    )


def test_a_profile_of_another_language_gets_its_bundle_too(demo_config):
    german = demo_config("scraping.language=de")
    assert bundle.choose_run(german, ["small_cnn", "ordinal_measures"]) == "ordinal_measures"
