"""A bundle is what it says, or is refused with a reason; it cannot run code."""

import json

import numpy as np
import pytest
import spacy
from prediction_helpers import NAMES, bundle_arrays, bundle_config, make_bundle
from safetensors.numpy import save_file

from spoken_cefr.config import load_config
from spoken_cefr.errors import InputError
from spoken_cefr.prediction import choice
from spoken_cefr.prediction.bundle import read_bundle, write_bundle
from spoken_cefr.prediction.choice import bundle_folder, choose_model, load_model
from spoken_cefr.store import read_json, sha256_of, write_json


@pytest.fixture
def folder(tmp_path):
    return make_bundle(tmp_path / "bundle")


def rehash(folder):
    """Make the config name the files as they now are."""
    config = read_json(folder / "config.json")
    config["files"] = {name: sha256_of(folder / name) for name in config["files"]}
    write_json(folder / "config.json", config)


def change(folder, **keys):
    config = read_json(folder / "config.json") | keys
    write_json(folder / "config.json", {k: v for k, v in config.items() if v is not ...})


def test_what_is_written_is_read_back(folder):
    bundle = read_bundle(folder)
    for name, array in bundle_arrays().items():
        np.testing.assert_array_equal(bundle.arrays[name], array)
    assert bundle.config["versions"]["numpy"] == np.__version__
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]


def test_the_same_model_gives_the_same_bytes(folder, tmp_path):
    again = make_bundle(tmp_path / "again")
    for path in folder.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes()


def test_a_loaded_model_rates_as_the_one_that_was_fitted(folder):
    model = load_model(folder)
    rows = np.arange(5)[:, None] + np.zeros((5, len(NAMES)))
    assert model.regression.predict_proba(rows).argmax(axis=1).tolist() == [0, 1, 2, 3, 4]
    assert model.card.name == "a model for tests"


def test_the_starter_is_small_and_loads_without_the_parser(monkeypatch):
    monkeypatch.setattr(spacy, "load", None)  # would fail if it were called
    model = load_model(choice.STARTER)
    assert model.card.kind == "text_ordinal"
    assert sum(path.stat().st_size for path in choice.STARTER.iterdir()) < 3_000_000


def corrupt(folder, kind):
    model, config = folder / "model.safetensors", folder / "config.json"
    if kind == "no config":
        config.unlink()
    elif kind == "no JSON":
        config.write_text("{", encoding="utf-8")
    elif kind == "a list":
        config.write_text("[]", encoding="utf-8")
    elif kind == "other schema":
        change(folder, schema="spoken_cefr.bundle/2")
    elif kind == "no schema":
        change(folder, schema=...)
    elif kind == "key missing":
        change(folder, classes=...)
    elif kind == "key of another type":
        change(folder, notice=3)
    elif kind == "one class":
        change(folder, classes=["A1"])
    elif kind == "bit flipped":
        data = bytearray(model.read_bytes())
        data[-1] ^= 1
        model.write_bytes(data)
    elif kind == "card changed":
        (folder / "README.md").write_text("# Great\n", encoding="utf-8")
    elif kind == "file missing":
        model.unlink()
    elif kind == "file unlisted":
        change(folder, files={"README.md": sha256_of(folder / "README.md")})
    elif kind == "path outside":
        files = read_json(config)["files"]
        change(folder, files=files | {"../../etc/passwd": "0" * 64})
    elif kind == "cut":
        model.write_bytes(model.read_bytes()[:-9])
        rehash(folder)
    elif kind == "other kind":
        change(folder, kind="oracle")
    elif kind == "other measures":
        change(folder, measures=NAMES[:-1])
    elif kind == "array missing":
        arrays = bundle_arrays()
        del arrays["medians"]
        save_file(arrays, model)
        rehash(folder)
    elif kind == "no regression":
        save_file({"medians": bundle_arrays()["medians"]}, model)
        rehash(folder)
    elif kind == "not finite":
        save_file(bundle_arrays() | {"medians": np.full(len(NAMES), np.nan)}, model)
        rehash(folder)
    elif kind == "other classes":
        change(folder, classes=["A1", "A2", "B1", "B2+"])


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("no config", r"holds no config\.json: give the folder of a model bundle"),
        ("no JSON", r"config\.json is not valid JSON"),
        ("a list", r"config\.json has schema None"),
        ("other schema", r"has schema 'spoken_cefr\.bundle/2'; this version reads '.*/1'"),
        ("no schema", r"has schema None"),
        ("key missing", r"config\.json: classes is missing or not a list"),
        ("key of another type", r"notice is missing or not a str"),
        ("one class", r"classes must be two or more names"),
        ("bit flipped", r"model\.safetensors is not the file that config\.json names"),
        ("card changed", r"README\.md is not the file that config\.json names"),
        ("file missing", r"model\.safetensors is missing"),
        ("file unlisted", r"model\.safetensors is not the file that config\.json names"),
        ("path outside", r"names a file '\.\./\.\./etc/passwd' that no bundle has"),
        ("cut", r"model\.safetensors is damaged"),
        ("other kind", r"is of kind 'oracle'; this version knows measures_ordinal"),
        ("other measures", r"is of other measures than this version computes"),
        ("array missing", r"array 'medians' is missing"),
        ("no regression", r"holds no regression"),
        ("not finite", r"array 'medians' has shape .* or is not finite"),
        ("other classes", r"has 5 classes, config\.json 4"),
    ],
)
def test_a_bundle_that_is_not_what_it_says_is_refused(folder, kind, told):
    corrupt(folder, kind)
    with pytest.raises(InputError, match=told) as error:
        load_model(folder)
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)


def test_a_bundle_that_could_not_be_read_is_not_written(tmp_path):
    config = bundle_config()
    del config["trained_on"]
    with pytest.raises(InputError, match="trained_on is missing"):
        write_bundle(tmp_path / "b", config=config, arrays=bundle_arrays(), card="")
    assert not (tmp_path / "b" / "config.json").exists()


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


def test_config_is_sorted_json_that_a_person_can_read(folder):
    text = (folder / "config.json").read_text(encoding="utf-8")
    config = json.loads(text)
    assert list(config) == sorted(config)
    assert config["notice"] == "Only for tests."
