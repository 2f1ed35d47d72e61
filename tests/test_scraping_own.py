"""One's own folder of recordings with a CSV of levels, in place of the scraping."""

import errno
import shutil

import numpy as np
import pytest
import soundfile

from spoken_cefr.cli import main
from spoken_cefr.corpus.metadata import COLUMNS, read_metadata
from spoken_cefr.errors import InputError
from spoken_cefr.scraping import stage
from spoken_cefr.scraping.own import import_folder
from spoken_cefr.stages import is_done


@pytest.fixture
def folder(tmp_path):
    """Sounds of 1, 2, 3 and 4 s, all different, and what is none."""
    made = tmp_path / "recordings"
    (made / "été").mkdir(parents=True)
    noise = np.random.default_rng(0)
    for seconds, name in enumerate(("a.wav", "b.flac", "été/ça va.wav", "extra.wav"), start=1):
        soundfile.write(made / name, 0.1 * noise.standard_normal(8000 * seconds), 8000)
    shutil.copy(made / "a.wav", made / "copy.wav")
    (made / "text.mp3").write_text("no sound at all")
    return made


def told(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "levels.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_every_file_and_every_row_goes_in_or_has_a_reason(folder, tmp_path, demo_config):
    levels = told(
        tmp_path,
        "file_name;level;speaker;title;gender;age_group\n"
        "a.wav;a1;Léa;=SUM(1);f;child\nb.flac;B1;Paul;;masculin;adulte\n"
        "été/ça va.wav;B2;Zoé;;;\ntext.mp3;A2;Léa;;;\nnone.mp3;A2;Léa;;;\n"
        "b.flac;A1;Paul;;;\n../levels.csv;A1;Paul;;;\n",
        encoding="utf-8-sig",
    )
    config = demo_config("scraping.replica_dir=", "scraping.language=de")
    report = import_folder(config, folder, levels)
    # 7 rows and the two files that have none.
    assert (report.n_in, report.n_out, len(report.dropped)) == (9, 3, 6)
    reasons = " ".join(row["reason"] for row in report.dropped)
    for name in ("text.mp3", "none.mp3", "b.flac", "../levels.csv", "extra.wav", "copy.wav"):
        assert name in reasons
    table = read_metadata(config.data_path / "scraping" / "metadata.csv")
    assert list(table.columns) == list(COLUMNS)
    used = table[table["usable"]].set_index("title")
    assert used["duration_s"].to_dict() == {"=SUM(1)": 1.0, "b": 2.0, "ça va": 3.0}
    assert used.at["=SUM(1)", "level"] == "A1"
    assert used.at["=SUM(1)", "gender"] == "féminin"
    assert used.at["=SUM(1)", "age_group"] == "enfant"
    assert set(used["language"]) == {"de"}
    assert used["speaker_id"].nunique() == 3
    assert all(name.isascii() for name in [*table["recording_id"], *used["file_name"]])
    assert all((config.data_path / "scraping" / name).is_file() for name in used["file_name"])


def test_it_is_what_scraping_would_have_left_and_is_not_scraped_over(folder, tmp_path, demo_config):
    levels = told(tmp_path, "file_name,level,speaker\na.wav,A1,Léa\nb.flac,B1,Paul\n")
    config = demo_config("scraping.replica_dir=")
    import_folder(config, folder, levels)
    assert is_done(config, "scraping")
    assert stage.run(config).figures["imported"] == 2
    with pytest.raises(InputError, match="spoken-cefr import"):
        stage.run(demo_config("scraping.replica_dir=", "scraping.language=de"))


def test_one_sound_with_two_levels_is_no_recording(folder, tmp_path, demo_config):
    levels = told(tmp_path, "file_name,level\na.wav,A1\ncopy.wav,B2\nb.flac,A2\n")
    report = import_folder(demo_config(), folder, levels)
    dropped = {row["id"]: row["reason"] for row in report.dropped}
    assert "same sound" in dropped["a"]
    assert "same sound" in dropped["copy"]
    assert "speaker" in " ".join(row["reason"] for row in report.remarks)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("file_name,niveau\na.wav,A1\n", "level"),
        ("level\nA1\n", "file_name"),
        ("", "file_name"),
        ("file_name,level\n,A1\n", "row 2"),
        ('file_name,level\n"a.wav,A1\n', "CSV"),
        ("file_name,level\na.wav,Z9\n", "Z9"),
        ("file_name,level\n", "none of"),
    ],
)
def test_a_table_that_cannot_be_used_is_told_by_its_name(
    text, named, folder, tmp_path, demo_config
):
    levels = told(tmp_path, text)
    with pytest.raises(InputError, match=named) as error:
        import_folder(demo_config(), folder, levels)
    assert str(levels) in str(error.value)


def test_the_command_says_what_came_in_and_how_to_go_on(folder, tmp_path, capsys):
    levels = told(tmp_path, "file_name,level\na.wav,A1\nb.flac,A2\n")
    data = f"data_dir={(tmp_path / 'data').as_posix()}"
    assert main(["import", str(folder), str(levels), "--profile", "demo", "--set", data]) == 0
    out = capsys.readouterr().out
    assert "6 recordings in, 2 out" in out
    assert main(["import", str(tmp_path / "no"), str(levels), "--profile", "demo"]) == 1


def test_a_full_disk_ends_the_import_and_is_no_reason_of_a_recording(
    folder, tmp_path, demo_config, monkeypatch
):
    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    levels = told(tmp_path, "file_name,level\na.wav,A1\n")
    with pytest.raises(InputError, match="disk is full"):
        import_folder(demo_config(), folder, levels)
