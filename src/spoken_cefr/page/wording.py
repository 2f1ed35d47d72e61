"""What the page says, in French and in English."""

import html
import re

from spoken_cefr.corpus.languages import LANGUAGES
from spoken_cefr.page.uploads import MAX_UPLOAD_MB
from spoken_cefr.prediction.verdict import INTERVAL, MIN_WORDS

CHOICES: tuple[tuple[str, str], ...] = (("Français", "fr"), ("English", "en"))

# By key: French, English. `{...}` are facts.
TEXTS: dict[str, tuple[str, str]] = {
    "title": (
        "À quel niveau convient cet enregistrement ?",
        "Which level does this recording suit?",
    ),
    "purpose": (
        "Le niveau (CECRL) est celui du public à qui l’enregistrement convient comme document "
        "d’écoute ; ce n’est pas une note de la personne qui parle. Le fichier reste sur cet "
        "ordinateur et il est effacé après l’analyse.",
        "The level (CEFR) is that of the audience whom the recording suits as listening material; "
        "it does not grade the person who speaks. The file stays on this computer and is deleted "
        "after the analysis.",
    ),
    "language": ("Langue de la page", "Language of the page"),
    "recording": (
        f"Enregistrement (mp3, wav, flac, ogg ; de 3 s à 30 min ; {MAX_UPLOAD_MB} Mo au plus)",
        f"Recording (mp3, wav, flac, ogg; 3 s to 30 min; {MAX_UPLOAD_MB} MB at most)",
    ),
    "example": ("Ou un exemple, dit par une voix de synthèse", "Or an example, spoken by machine"),
    "run": ("Trouver le niveau", "Find the level"),
    "nothing": ("Choisissez d’abord un enregistrement.", "Choose a recording first."),
    "listening": ("J’écoute et je transcris…", "Listening and transcribing…"),
    "rating": ("Je mesure…", "Measuring…"),
    "level": ("Niveau", "Level"),
    "no_level": ("Pas de niveau", "No level"),
    "leans": (
        "Le modèle penche pour {score_name}, mais ne vous y fiez pas.",
        "The model leans to {score_name}, but do not rely on it.",
    ),
    "likely": ("le plus probable : {span} ; {sureness}", "most likely {span}; {sureness}"),
    "span": ("de {low} à {high}", "{low} to {high}"),
    "sure": ("sûr", "sure"),
    "fairly sure": ("assez sûr", "fairly sure"),
    "unsure": ("peu sûr", "unsure"),
    "probabilities": ("Probabilité de chaque niveau", "Probability of each level"),
    "along": ("Le son, les mots et le niveau au fil du temps", "Sound, words and level along time"),
    "along_alt": ("Niveau au fil du temps : {told}.", "Level along time: {told}."),
    "words_alt": ("Chaque mot au-dessus de son onde", "Each word over its waveform"),
    "words_not_drawn": (
        "Plus de {minutes} minutes : les mots sont dans la transcription seulement.",
        "More than {minutes} minutes: the words are in the transcript only.",
    ),
    "along_none": (
        "Trop court pour un niveau au fil du temps.",
        "Too short for a level along time.",
    ),
    "transcript": (
        "Transcription automatique, mots peu courants marqués",
        "Automatic transcript, uncommon words marked",
    ),
    "rare_title": ("fréquence {zipf} (échelle Zipf)", "frequency {zipf} (Zipf scale)"),
    "rare_unknown": (
        "dans aucune liste ; peut-être mal entendu",
        "in no list; perhaps heard wrongly",
    ),
    "measures": ("Mesures", "Measures"),
    "measures_hint": (
        "À côté : la moitié centrale des enregistrements d’entraînement de chaque niveau ; "
        "le niveau le plus proche est marqué.",
        "Beside each: the middle half of the training recordings of each level; the nearest level "
        "is marked.",
    ),
    "measures_hint_text": (
        "À côté : la moitié centrale des textes écrits d’entraînement de chaque niveau ; le "
        "niveau le plus proche est marqué. Ce modèle n’a entendu aucune voix : pour le débit et "
        "les pauses il n’y a rien à côté (« - »).",
        "Beside each: the middle half of the written training passages of each level; the nearest "
        "level is marked. This model has heard no voice: beside speed and pauses there is "
        "nothing (“-”).",
    ),
    "effect": ("effet", "effect"),
    "effect_hint": (
        "Effet : de combien de niveaux, environ, la mesure déplace le résultat (« - » : le modèle "
        "ne la regarde pas).",
        "Effect: by about how many levels the measure moves the result (“-”: the model does not "
        "look at it).",
    ),
    "effects": (
        "Toutes les mesures ensemble : {measures} ; les mots eux-mêmes (vecteurs de mots) : "
        "{vectors}.",
        "All measures together: {measures}; the words themselves (word vectors): {vectors}.",
    ),
    "measures_rest": ("Les autres mesures", "The other measures"),
    "measure": ("mesure", "measure"),
    "here": ("ici", "here"),
    "downloads": ("Télécharger", "Download"),
    "json": ("Tout le résultat (JSON)", "The whole result (JSON)"),
    "textgrid": ("Les mots et leurs temps (TextGrid)", "Words and their times (TextGrid)"),
    "model": ("Le modèle", "The model"),
    "synthetic": (
        "Modèle de démonstration, entraîné sur des voix de synthèse : ses niveaux ne disent rien "
        "d’enregistrements réels.",
        "Demo model, trained on machine voices: its levels say nothing of real recordings.",
    ),
    "reader": (
        "Ce modèle lit la transcription ; il n’a pas encore été entraîné sur des enregistrements.",
        "This model reads the transcript; it has not been trained on spoken recordings yet.",
    ),
    "no_speech": (
        "personne ne parle (silence, bruit ou musique)",
        "nobody was heard to speak (silence, noise or music)",
    ),
    "no_words": ("aucun mot n’a été reconnu", "no word could be made out"),
    "other_language": (
        "ce n’est pas du français, semble-t-il ({spoken_fr})",
        "this does not sound like French ({spoken_en})",
    ),
    "too_few_words": (
        f"trop peu de mots ({{n_words}} ; il en faut {MIN_WORDS})",
        f"too few words ({{n_words}}; {MIN_WORDS} are needed)",
    ),
    "undecided": (
        f"les {INTERVAL:.0%} de la probabilité vont {{span_fr}}",
        f"{INTERVAL:.0%} of the probability goes from {{span_en}}",
    ),
    "no_result": ("Pas de résultat", "No result"),
}

# The sentences of `prediction.sources` and `processing.decoding`, in French.
ERRORS: tuple[tuple[str, str], ...] = (
    (r"is an empty file", "le fichier est vide."),
    (r"at most (\S+) MB are read", "le fichier est trop gros : {0} Mo au plus."),
    (
        r"is not audio that can be decoded",
        "ce n’est pas un fichier audio lisible, ou il est abîmé : donnez un fichier mp3, wav, flac "
        "ou ogg.",
    ),
    (r"lasts (\S+) s: at least (\d+) s", "il dure {0} s : il faut au moins {1} s."),
    (r"lasts (\S+) minutes; at most (\S+)", "il dure {0} minutes : {1} au plus ; coupez-le."),
    (r"is silent from end to end", "il n’y a que du silence : enregistrez de nouveau."),
    (r"is cut short", "le fichier est coupé : copiez-le ou téléchargez-le de nouveau."),
    (r"channels at \d+ Hz", "ce format est trop lourd : convertissez-le en mono, 16 kHz."),
    (r"holds no audio", "le fichier ne contient aucun son."),
    (r"not numbers", "le fichier contient des échantillons qui ne sont pas des nombres."),
    (r"is missing", "le fichier a disparu : choisissez-le de nouveau."),
)
# What models and transcripts say of themselves, in French.
SENTENCES: tuple[tuple[str, str], ...] = (
    (
        r"(\d+) written French sentences with a level given by people .+",
        "{0} phrases écrites françaises dont des personnes ont donné le niveau (données du "
        "concours d’un cours universitaire), réunies en passages d’une demi-minute.",
    ),
    (
        r"Starter model: .+",
        "Modèle de départ : il lit seulement la transcription et n’a pas été entraîné sur des "
        "enregistrements.",
    ),
    (
        r"Trained on (\d+) recordings of (\d+) speakers \(machine-spoken .+, profile (\S+)\)\.",
        "Entraîné sur {0} enregistrements de {1} voix de synthèse (démonstration, profil {2}).",
    ),
    (
        r"Trained on (\d+) recordings of (\d+) speakers \((\S+), profile (\S+)\)\.",
        "Entraîné sur {0} enregistrements de {1} personnes ({2}, profil {3}).",
    ),
    (
        r"Machine-spoken demo recordings: .+",
        "Enregistrements de démonstration, dits par des voix de synthèse : ces chiffres ne disent "
        "rien d’enregistrements réels.",
    ),
    (
        r"Whisper was unsure of many words: .+",
        "Beaucoup de mots ont été mal entendus : lisez la transcription avant le niveau.",
    ),
    (
        r"(\d+) of (\d+) words were moved to mend their times",
        "{0} mots sur {1} ont été déplacés pour corriger leurs temps.",
    ),
    (
        r"speech was detected at (\S+)-(\S+) s, but no word was taken from it",
        "De {0} à {1} s on parle, mais aucun mot n’y a été reconnu.",
    ),
    (
        r"the text of (\d+) window\(s\) repeated itself and was left out",
        "Le texte de {0} passage(s) se répétait et a été laissé de côté.",
    ),
)
OTHER_ERROR = "ce fichier ne peut pas être utilisé."


def text(key: str, language: str, **facts: object) -> str:
    """One text in one language ("fr" or "en")."""
    return TEXTS[key][0 if language == "fr" else 1].format(**facts)


def both(key: str, **facts: object) -> str:
    """HTML with one text in both languages; the style sheet hides the one that is not read."""
    return in_both(text(key, "fr", **facts), text(key, "en", **facts))


def in_both(french: str, english: str) -> str:
    """HTML with two plain texts, of which the style sheet shows one."""
    return (
        f'<span lang="fr">{html.escape(french)}</span><span lang="en">{html.escape(english)}</span>'
    )


def french_error(message: str) -> str:
    """A French sentence for an `InputError` about a recording."""
    for pattern, french in ERRORS:
        if found := re.search(pattern, message):
            return french.format(*found.groups())
    return OTHER_ERROR


def in_french_too(sentence: str) -> str:
    """HTML with an English sentence in both languages; in English alone where it has no French."""
    for pattern, french in SENTENCES:
        if found := re.fullmatch(pattern, sentence):
            return in_both(french.format(*found.groups()), sentence)
    return f'<span class="only" lang="en">{html.escape(sentence)}</span>'


def language_names(code: str) -> tuple[str, str]:
    """A language's name in French and in English, the code where there is none."""
    from whisper.tokenizer import LANGUAGES as ENGLISH  # imports torch: only when it is needed

    french = next((row.name.lower() for row in LANGUAGES if row.whisper == code), code)
    return french, ENGLISH.get(code, code).title()
