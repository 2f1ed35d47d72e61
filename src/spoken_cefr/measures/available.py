"""Which measures a language can be given, and why it lacks the others: none is a wrong number."""

from spoken_cefr.corpus.languages import FRENCH, LANGUAGES, Language, find_language
from spoken_cefr.measures.pipeline import has_pipeline
from spoken_cefr.measures.syntax import TENSES

IN_SYLLABLES = ("speech_rate", "articulation_rate", "run_length", "word_syllables")
IN_WORDS = ("type_token_ratio", "word_letters", "word_syllables")
OF_FREQUENCY = ("zipf", "uncommon_share", "rare_share")
OF_RELATIONS = ("subordinate_share", "relative_share", "passive_share", "clause_words")
OF_RELATIONS += ("dependency_distance", "clause_depth")
N_MEASURES = 25  # of French, which has all


def lacking(code: str, *, tagged: bool | None = None) -> dict[str, str]:
    """The measures that a language cannot be given, by name, with the reason.

    ``tagged`` asks for texts with a pipeline or without; None for those of this machine.
    """
    language = find_language(code)
    reasons: dict[str, str] = {}
    tagged = has_pipeline(code) if tagged is None else tagged
    if not language.syllables:
        reasons |= dict.fromkeys(IN_SYLLABLES, "the spelling does not tell the syllables")
    if language.syllables == "characters" and not tagged:
        reasons |= dict.fromkeys(IN_WORDS, "words are not parted in writing")
    shares = [f"{tense}_share" for tense in TENSES]
    of_tags = (*OF_FREQUENCY, "lexical_density", *shares, *OF_RELATIONS)
    if not tagged:
        name = language.spacy
        why = f"{name} is not installed" if name else "there is no spaCy pipeline"
        return reasons | dict.fromkeys(of_tags, why)
    if language.wordfreq is None:
        reasons |= dict.fromkeys(OF_FREQUENCY, "no list of frequencies")
    for tense, share in zip(TENSES, shares, strict=True):
        if tense not in language.tenses:
            reasons[share] = "verbs are not marked for it"
    if not language.dependencies:
        why = f"the relations of {language.spacy} are not Universal Dependencies"
        reasons |= dict.fromkeys(OF_RELATIONS, why)
    return reasons


def lacking_told(code: str) -> str:
    """One sentence on what is left out and why; "" where nothing is."""
    reasons = lacking(code)
    parts = []
    for why in dict.fromkeys(reasons.values()):
        names = [name for name, reason in reasons.items() if reason == why]
        parts.append(f"{', '.join(names)} ({why})")
    if not parts:
        return ""
    language = find_language(code)
    name = language.spacy
    absent = f"; install {name} for those of tags" if name and not has_pipeline(code) else ""
    return f"measures left out in {code} ({language.other_names[0]}): {'; '.join(parts)}{absent}"


def support(language: Language) -> dict[str, str]:
    """What there is for a language, column by column of the table in README.md."""
    n_all = N_MEASURES
    n_bare = n_all - len(lacking(language.code, tagged=language.code == FRENCH))
    measures = str(n_bare)
    if language.spacy and language.code != FRENCH:
        measures += f"; {n_all - len(lacking(language.code, tagged=True))} with its pipeline"
    return {
        "language": f"{language.code} ({language.other_names[0]})",
        "scraping": "yes",
        "Whisper": language.whisper or "no",
        "WebMAUS": language.bas or "no",
        "vectors": language.spacy or "no",
        "measures": measures,
        "starter": "yes" if language.code == FRENCH else "no",
    }


def support_table() -> str:
    """Every language of the site, as Markdown."""
    rows = [support(language) for language in LANGUAGES]
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
