"""The cache: a result is made once, and again when what it depends on has changed."""

import json

import numpy as np
import pandas as pd
import pytest

from spoken_cefr.store import Cache, read_csv, write_csv


@pytest.fixture
def cache(tmp_path):
    def write(value, path):
        path.write_text(json.dumps(value))

    return Cache(
        tmp_path / "kept",
        ".json",
        read=lambda path: int(path.read_text()),
        write=lambda v, p: p.write_text(json.dumps(v)),
    )


def maker(made):
    """Gives the length of each unit's name, and notes what it was asked for."""

    def make(missing):
        for unit in missing:
            made.append(unit)
            yield len(unit)

    return make


def names(cache):
    return sorted(path.name.partition(".")[0] for path in cache.folder.iterdir())


def test_a_result_is_made_once_and_given_in_the_order_asked_for(cache):
    made = []
    first = cache.fill({"bb": [1], "a": [1]}, maker(made))
    assert list(first.items()) == [("bb", 2), ("a", 1)]
    assert cache.fill({"a": [1], "bb": [1]}, maker(made)) == first
    assert made == ["bb", "a"]


def test_what_depends_on_something_else_now_is_made_anew_and_the_older_one_forgotten(cache):
    made = []
    cache.fill({"a": [1], "b": [1]}, maker(made))
    cache.fill({"a": [2], "b": [1]}, maker(made))
    assert made == ["a", "b", "a"]
    assert names(cache) == ["a", "b"]


@pytest.mark.parametrize("neighbour", ["a.b", "ab", "[ab]"])
def test_a_unit_whose_name_begins_alike_is_left_alone(cache, neighbour):
    made = []
    cache.fill({neighbour: [1], "a": [1]}, maker(made))
    cache.fill({"a": [2]}, maker(made))
    cache.fill({neighbour: [1]}, maker(made))
    assert made == [neighbour, "a", "a"]


@pytest.mark.parametrize("damage", [b"", b'{"x', b"\xff\xfe"])
def test_a_damaged_file_is_told_and_made_anew(cache, capsys, damage):
    cache.fill({"a": [1]}, maker([]))
    [path] = cache.folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage)
    assert cache.fill({"a": [1]}, maker([])) == {"a": 1}
    assert str(path) in capsys.readouterr().err
    assert path.read_bytes() == whole


def test_what_was_made_before_a_kill_is_there_afterwards(cache):
    def killed(missing):
        yield len(missing[0])
        raise KeyboardInterrupt

    wanted = {"a": [1], "b": [1], "c": [1]}
    with pytest.raises(KeyboardInterrupt):
        cache.fill(wanted, killed)
    made = []
    assert cache.fill(wanted, maker(made)) == {"a": 1, "b": 1, "c": 1}
    assert made == ["b", "c"]
    assert names(cache) == ["a", "b", "c"]


@pytest.mark.parametrize("n_given", [0, 2])
def test_a_maker_that_gives_too_few_or_too_many_is_an_error(cache, n_given):
    with pytest.raises(ValueError):
        cache.fill({"a": [1]}, lambda missing: iter(range(n_given)))


def test_names_stay_text_and_a_text_that_is_missing_is_empty(tmp_path):
    table = pd.DataFrame(
        {
            "recording_id": ["007", "nan", "NA", "null", "1e3"],
            "transcript": ["Oui.", "", "NA", "", "nan"],
            "score": [1.0, np.nan, 0.5, 2.0, 3.0],
        }
    )
    write_csv(tmp_path / "a.csv", table)
    found = read_csv(tmp_path / "a.csv")
    assert found.to_dict("list")["recording_id"] == list(table["recording_id"])
    assert found.to_dict("list")["transcript"] == list(table["transcript"])
    np.testing.assert_array_equal(found["score"], table["score"])
