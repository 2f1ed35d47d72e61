"""A bundle is what it says, or is refused with a reason; it cannot run code."""

import json
import shutil

import numpy as np
import pytest
import spacy
from prediction_helpers import NAMES, make_bundle, regression
from safetensors.numpy import save_file

from spoken_cefr.config import load_config
from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.bundle import bundle_folder
from spoken_cefr.neural_networks.saved import load_run_model
from spoken_cefr.prediction import choice
from spoken_cefr.prediction.choice import choose_model, load_model
from spoken_cefr.store import read_json, sha256_of, write_json


@pytest.fixture
def folder(tmp_path):
    return make_bundle(tmp_path / "bundle")


def change(folder, **keys):
    config = read_json(folder / "config.json") | keys
    write_json(folder / "config.json", {k: v for k, v in config.items() if v is not ...})


def rehash(folder):
    """Make the config name the files as they now are."""
    change(folder, files={path.name: sha256_of(path) for path in folder.glob("[!c]*")})


def test_what_is_written_is_read_back(folder):
    state = load_run_model(folder).model.state()
    for name, array in regression().state().items():
        np.testing.assert_array_equal(state[name], array)
    files = sorted(path.name for path in folder.iterdir())
    assert files == ["README.md", "config.json", "model.safetensors"]


def test_the_starter_is_small_and_loads_without_the_parser(monkeypatch):
    monkeypatch.setattr(spacy, "load", None)  # would fail if it were called
    model = load_model(choice.STARTER)
    assert model.card.kind == "text_ordinal"
    assert model.transcription == {"model": "offline-base", "compute_type": "int8"}


def spoil(name):
    """Change what a file holds, config.json naming it as it now is or not."""

    def of(data, *, told):
        def damage(folder):
            (folder / name).write_bytes(data((folder / name).read_bytes()))
            if told:
                rehash(folder)

        return damage

    return of


def save_arrays(change_arrays):
    def damage(folder):
        state = regression().state()
        change_arrays(state)
        save_file(state, folder / "model.safetensors")
        rehash(folder)

    return damage


def keys(**changed):
    return lambda folder: change(folder, **changed)


def outside(folder):
    files = read_json(folder / "config.json")["files"]
    change(folder, files=files | {"../../etc/passwd": "0" * 64})


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda folder: (folder / "config.json").unlink(), "config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json"),
        (lambda folder: (folder / "config.json").write_text("[]"), "config.json"),
        (keys(format=3), "config.json"),
        (keys(format=...), "config.json"),
        (keys(classes=...), "config.json"),
        (keys(classes=["A1"]), "config.json"),
        (keys(classes=["A1", "A2", "B1", "B2+"]), "model.safetensors"),
        (keys(language="de"), "config.json"),  # of measures that German cannot be given
        (keys(language="xx"), "config.json"),
        (keys(measures=NAMES[:-1]), "config.json"),
        (keys(architecture="oracle"), "model.safetensors"),
        (keys(weights="../model.safetensors"), "config.json"),
        (outside, "config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors"),
        (spoil("model.safetensors")(lambda d: d[:-1] + b"\0", told=False), "model.safetensors"),
        (spoil("README.md")(lambda d: b"# Great", told=False), "README.md"),
        (spoil("model.safetensors")(lambda d: d[:-9], told=True), "model.safetensors"),
        (save_arrays(lambda state: state.pop("medians")), "model.safetensors"),
        (save_arrays(lambda state: state["medians"].fill(np.nan)), "model.safetensors"),
    ],
)
def test_a_bundle_that_is_not_what_it_says_is_refused_by_the_file_s_name(folder, damage, named):
    damage(folder)
    with pytest.raises(InputError) as error:
        load_model(folder)
    assert "\n" not in str(error.value)
    assert str(folder / named) in str(error.value)


@pytest.mark.parametrize(
    "changed",
    [{"inputs": "measures"}, {"measures": ["zipf"]}, {"classes": ["A1", "A2", "B1", "B2+"]}],
)
def test_a_starter_of_another_making_is_refused(tmp_path, changed):
    shutil.copytree(choice.STARTER, tmp_path / "starter")
    change(tmp_path / "starter", **changed)
    with pytest.raises(InputError):
        load_model(tmp_path / "starter")


OTHER_KINDS = [None, 7, "other", [], {}, json.loads("[" * 90 + "]" * 90), "10 000 deep"]


def places(value, at=()):
    """The place of each value of a JSON document, as keys and indices; of a list the first."""
    inside = value.items() if isinstance(value, dict) else enumerate(value[:1])
    for key, inner in inside:
        yield (*at, key)
        if isinstance(inner, (dict, list)):
            yield from places(inner, (*at, key))


@pytest.mark.parametrize("other", OTHER_KINDS, ids=lambda other: str(other)[:12])
@pytest.mark.parametrize("source", ["starter", "made"])
def test_a_card_with_one_value_of_another_kind_loads_or_is_one_error(tmp_path, source, other):
    folder = tmp_path / "bundle"
    if source == "made":
        make_bundle(folder)
    else:
        shutil.copytree(choice.STARTER, folder)
    path = folder / "config.json"
    whole = path.read_text(encoding="utf-8")
    load_model(folder)
    refused = set()
    for place in places(json.loads(whole)):
        card = json.loads(whole)
        inner = card
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = "HERE" if other == "10 000 deep" else other
        text = json.dumps(card)
        if other == "10 000 deep":
            text = text.replace('"HERE"', "[" * 10_000 + "]" * 10_000)
        path.write_text(text, encoding="utf-8")
        try:
            load_model(folder)
        except InputError as error:
            refused.add(place[0])
            assert str(folder) in str(error), place
            assert "\n" not in str(error) and len(str(error)) < 1000, place
            if other is None:
                assert str(place[0]) in str(error), place  # the key
    assert refused >= {"classes", "files", "format", "settings", "ranges", "measures", "language"}


@pytest.mark.parametrize("kind", ["deep", "ranges_number", "transcription_empty"])
def test_a_card_that_was_handed_over_is_refused_by_file_and_key(shared, tmp_path, kind):
    folder = tmp_path / "bundle"
    shutil.copytree(choice.STARTER, folder)
    shutil.copyfile(shared / "cases" / "other" / f"bundle_{kind}.json", folder / "config.json")
    with pytest.raises(InputError) as error:
        load_model(folder)
    assert str(folder / "config.json") in str(error.value)


@pytest.fixture
def profiles(tmp_path, monkeypatch):
    """Each profile writes below a temporary folder; there is no starter model."""

    def load(profile=None, overrides=()):
        name = profile or "demo"
        return load_config(name, [f'data_dir="{(tmp_path / name).as_posix()}"', *overrides])

    monkeypatch.delenv("SPOKEN_CEFR_PROFILE", raising=False)
    monkeypatch.setattr(choice, "load_config", load)
    monkeypatch.setattr(choice, "STARTER", tmp_path / "starter")

    def make(name):
        where = tmp_path / name if name == "starter" else bundle_folder(load(name))
        make_bundle(where, name=name, synthetic=name == "demo")

    return make


def chosen(folder=None, profile=None):
    return choose_model(folder, profile).card.name


def test_the_order_in_which_a_model_is_looked_for(profiles, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"no model yet for fr .*spoken-cefr run --profile fr"):
        chosen()
    profiles("demo")
    with pytest.raises(InputError, match="no model yet for fr"):
        chosen()  # the demo's model is used by those only who ask for it
    assert chosen(profile="demo") == "demo"
    profiles("starter")
    assert chosen() == "starter"
    assert chosen(profile="fr") == "starter"
    assert chosen(profile="demo") == "demo"
    profiles("fr")
    assert chosen() == "fr"
    assert chosen(profile="fr") == "fr"
    assert chosen(tmp_path / "starter", "fr") == "starter"
    monkeypatch.setenv("SPOKEN_CEFR_PROFILE", "demo")
    assert chosen() == "demo"


def test_the_starter_model_is_for_french_only(profiles):
    profiles("starter")
    with pytest.raises(InputError, match=r"no model yet for de .*--profile de"):
        chosen(profile="de")
