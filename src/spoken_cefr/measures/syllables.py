"""Counting syllables from the spelling: French by the rules here, others by hyphenation.

One nucleus is one syllable. A word is rewritten step by step until each nucleus
is one sign: mute letters go, letters that make one sound become one (``eau``,
``ou``, ``oi``), and a glide joins the vowel after it (``nation`` has 2, ``nuit`` 1)
unless two consonants of one syllable stand before it (``crier`` 2, ``client`` 2).

A mute e is counted as a careful speaker says it: never at the end of a word,
not after one consonant sound (``samedi`` 2, ``maintenant`` 2), but in the first
syllable (``petit`` 2) and after two (``appartement`` 4). Grammont (1894), "La loi des
trois consonnes", Mémoires de la Société de linguistique de Paris 8.
"""

import functools
import re
import unicodedata

import pyphen

from spoken_cefr.corpus.languages import FRENCH, find_language

# Spelling and sound part here, or letters are read by name or in full.
_EXCEPTIONS = {
    "août": 1, "aout": 1, "saoul": 1, "paon": 1, "faon": 1, "taon": 1, "monsieur": 2, "femme": 1,
    "femmes": 1, "oui": 1, "ouais": 1, "pays": 2, "abbaye": 3, "clown": 1, "football": 2, "jean": 1,
    "jeans": 1, "cool": 1, "weekend": 2, "week": 1, "live": 1, "mail": 1,
    "mails": 1, "email": 2, "emails": 2, "site": 1, "time": 1, "interview": 3, "ok": 2, "w": 3,
    "km": 3, "kg": 3, "cm": 3, "mm": 3, "min": 2, "mn": 2, "dr": 2, "mr": 2, "mme": 2,
    "mlle": 3, "etc": 4, "hum": 1, "chut": 1, "shopping": 2, "people": 2, "tunnel": 2,
    "moelle": 1, "moelleux": 2, "caen": 1, "y": 1, "skate": 1, "week-end": 2, "jazz": 1,
    "jeanne": 1, "business": 2, "yeah": 1, "t-shirt": 2, "t-shirts": 2,
}  # fmt: skip

# Said with a nasal vowel; other words in -ent are verbs whose ending is mute.
_NASAL_ENT = frozenset(
    """absent accent accident adhérent adjacent adolescent affluent agent antécédent apparent
    appartient ardent argent astringent avent bivalent cent client coefficient cohérent compétent
    concurrent confident conscient conséquent consent content contient continent contingent
    convalescent convergent convient couvent dent devient différent diligent dissident divergent
    décadent décent déficient déférent délinquent détergent détient efficient effervescent
    entretient escient excellent excédent expédient exigent florent fluorescent fréquent gent
    grandiloquent imminent impatient impotent imprudent impudent incident incohérent
    incompétent inconscient inconséquent inconvénient indifférent indigent indolent indulgent
    indécent influent ingrédient inhérent innocent insolent intelligent intermittent
    intervient irrévérent jacent laurent lent lorient maintient malcontent mécontent négligent
    nogent obtient occident omnipotent omniprésent onguent opulent orient outrecuident parent
    parvient patient permanent pertinent pestilent polyvalent pressent prévient proéminent
    provient prudent précédent présent président pénitent quotient redevient ressent retient
    revient récent réminiscent récipient récurrent référent régent résident résurgent réticent
    sent serment sergent serpent somnolent souvent souvient soutient strident subséquent succulent
    survient talent tangent tient torrent transparent trident turbulent urgent vent
    véhément vient vincent violent virulent ambivalent éloquent émergent éminent équivalent évident
    entregent chiendent abstient abstinent advient afférent arpent auvent concupiscent convent
    corpulent effluent fervent flatulent féculent gradient immanent impertinent impénitent
    incontinent interférent latent omniscient paravent patent pourcent purulent relent repent
    rémanent sanguinolent subconscient subvient truculent émollient évent circonvient
    contrevient covalent engoulevent ventripotent""".split()  # noqa: SIM905
)
# Verbs in -ment, with a mute ending; other words in -ment are nouns and adverbs.
_MUTE_MENT = frozenset(
    """affirment aiment allument animent arment assument blâment calment charment clament confirment
    conforment consomment consument dament déclament déforment dorment désarment enferment endorment
    entament escriment estiment expriment ferment filment forment fument gomment impriment
    infirment informent nomment oppriment parfument priment proclament programment raniment
    reforment renferment renomment riment réclament réforment répriment résument sèment somment
    suppriment surnomment transforment abîment acclament affament arriment assomment blasphèment
    chôment compriment cament crament diffament dépriment déciment embaument embrument
    enflamment enrhument enveniment exclament fantasment friment germent hument liment miment
    paument plument prénomment pâment périment rallument rament referment reprogramment trament
    triment écument estiment parsèment""".split()  # noqa: SIM905
)

# Read in this order, each step on what those before it left. Signs that are no letters:
# V a nucleus, W the nucleus "ou", N a nasal nucleus, _ a border between two nuclei,
# j a glide that counts as a consonant. What is left as e is a mute e or an "è".
_SOUNDS = tuple(
    (re.compile(pattern), sounds)
    for pattern, sounds in (
        # Consonants of several letters, mute u after q and g, mute e after g.
        (r"sch|sh|ch", "ʃ"),  # x is two sounds
        (r"ph", "f"),
        (r"th", "t"),
        (r"ç", "s"),
        (r"ck|cqu|qu|q$", "k"),
        (r"gn", "q"),
        # Digraphs of single words and of loans: saouler, souhait, fœtus, gaieté, fiançailles,
        # steak, toast.
        (r"^saou|^souh(?=a)", "sou"),
        (r"^(f?)oe(?!u)", r"\1eu"),
        (r"gaiet", "gait"),
        (r"^fi(?=ans)", "fi_"),
        (r"(?<!g)ea(?!u)", "i"),
        (r"oa(?=ʃ|st|l$|d$)", "o"),
        (r"(?<=[cg])ue(?=il)|œu|oeu|œ|oe(?=il)", "eu"),
        (r"guë", "gu"),
        (r"gu(?=[eéèêiîïy])", "g"),
        (r"ge(?=[aoàâôu](?!$)|a$)", "j"),
        (r"(?<=[aeiouyéèêâîôûï])h(?=[aeiouyéèêàâîïôûù])", "_"),
        (r"h", ""),
        # The glide of travail, feuille, fille, payer.
        (r"e(?=ill)", "è"),
        (r"(?<=[aè])ill|(?<=[eo]u)ill|(?<=[ae])il(?=s?$)|(?<=[eo]u)il(?=s?$)", "j"),
        (r"(?<=[bcdfgkprstzxqʃu])ill(?=[aeéèêioN])(?<!tranquill)(?<!distill)", "ij"),
        (r"(?<=pa)y(?=s)", "_i"),
        (r"(?<=[aeou])y(?=[aeéèêiouàâî])", "ij"),
        (r"^y(?=[aeéèêouâ])", "j"),
        # Two vowels that are no glide and no digraph; a diaeresis always parts them.
        (r"(?<=[aoué])ï(?=[aeéèou])|(?<=[^hm]a)ï(?=s?$|g)", "j"),
        (r"oê", "oi"),
        (r"[ïü]", "_i"),
        (r"[ëæ]", "_è"),
        (r"^coo(?=p|rd)", "co_o"),
        (r"oo|aa", "o"),
        (r"ee", "i"),
        (r"(?<=[aàâoôéè])(?=[éèêâàôo])|(?<=[éèo])(?=a)|(?<=é)(?=[iue])(?!es?$|ent$|e[mr])", "_"),
        # An e before two of one letter is no mute one; the two are one sound.
        (r"e(?=([bcdfgkmnlprstz])\1)", "è"),
        (r"([bcdfgkmnlprstz])\1", r"\1"),
        # A mute e after a vowel.
        (r"(?<=[aiouyéj])e(?=s?$|ment)|(?<=[éiou])e(?=r[aieo])(?<!_e)(?=ra|ri|ro|rez)", "~"),
        # Vowels of several letters.
        (r"eoi|eau|au|[aeou]y", "V"),
        (r"o[uùû]", "W"),
        (r"(oi|ei|ai)n(?![aeiouyéèêâîôûnVW~])|aim(?=$|p)", "N"),
        (r"oi|oî|ai|aî|ei|eî|eu|eû", "V"),
        (r"[aâeioôuûy](n(?![aeiouyéèêàâîôûnVWNj~])|m(?=[bp]))", "N"),
    )
)
# 10 000 and 1.000.000, with any kind of space, also where it stands between two words.
_GROUPED = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:(?:\s\d{3})+|(?:\.\d{3})+)(?!\d)")
# Sounds of hesitation and feeling: mmm, pfff, brr, psst.
_HUMMED = re.compile(r"h?m{2,}h?|h+m+|p+f+|b?r{2,}|gr{2,}|z{2,}|t?s{2,}|p+s+t+|ch{2,}|f{2,}")
_VOWELS = "aeiouyàâéèêîôùûVWN"
_GLIDING = re.compile(
    rf"(?<![bcdfgkptv][lr])[iuyîW](?=[{_VOWELS}])(?!i[{_VOWELS}])|(?<=[bcdfgkptv][lr])u(?=i)"
)
# The sounds after a mute e that leave its syllable open: one consonant, or two that go together.
# With a glide after l or r the e stays: atelier, but not cimetière.
_OPEN = rf"(?=([bcdfgjkmnpqstvzʃ]j?|[lr]|[bcdfgkptv][lr])[{_VOWELS}])"
_DROPPED = re.compile(rf"(?<=[{_VOWELS}][bcdfgjklmnpqrstvzʃ])e{_OPEN}")


def count_syllables(word: str) -> int:
    """Syllables of a word or a short text as it is written; 0 without letters and digits.

    Such as ``maison``, ``l'école``, ``a-t-il``, ``TGV``, ``1998,``, ``10 000`` or ``14h30``.
    Punctuation says nothing; digits are read as French numbers.
    """
    text = unicodedata.normalize("NFC", word).replace("’", "'")
    text = _GROUPED.sub(lambda number: re.sub(r"\D", "", number[0]), text)
    pieces = re.findall(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['-][^\W\d_]+)*'?|[%€$£°+&=]", text)
    return sum(_count_piece(piece) for piece in pieces)


@functools.lru_cache(maxsize=100_000)
def _count_piece(piece: str) -> int:
    if piece[0].isdigit():
        return _count_number(piece)
    if piece in _SYMBOLS:
        return _SYMBOLS[piece]
    if piece.lower() in _EXCEPTIONS:
        return _EXCEPTIONS[piece.lower()]
    if _HUMMED.fullmatch(piece.lower()):
        return 1
    # The e of quatre is mute at the end, but not inside quatre-vingts.
    parts = re.split(r"['-]", piece.replace("quatre-vingt", "quatrevingt"))
    if len(parts) == 1:
        return _count_acronym(piece) if _is_acronym(piece) else max(1, _count_part(piece.lower()))
    total = 0
    for position, part in enumerate(parts):
        elided = not re.search(r"[aeiouyàâéèêëîïôöùûüœæ]", part.lower()) or part.lower() == "qu"
        clitic = position > 0 and part.lower() in ("ce", "je")  # est-ce, suis-je
        if not elided and not clitic:
            total += max(1, _count_piece(part)) if part else 0
    return max(1, total)


def _is_acronym(word: str) -> bool:
    """Letters that are read by name: TGV, tgv and ADN, but not ONU and SAMU."""
    if not re.search("[aeiouyàâéèêëîïôöùûüœæ]", word.lower()):
        return len(word) > 1
    consonant, vowel = "[BCDFGHJKLMNPQRSTVWXZ]", "(AI|AU|EAU|EI|EU|OI|OU|UI|[AEIOUYÉÈÊÀ])"
    onset = rf"({consonant}|[BCDFGKPTV][LR]|S[CPT]R?)"
    as_a_word = rf"{onset}?{vowel}({consonant}{vowel})*({consonant}|[LNR][CDST]|CT|ST)?"
    return 1 < len(word) < 5 and word.isupper() and not re.fullmatch(as_a_word, word)


def _count_acronym(word: str) -> int:
    return sum(3 if letter in "Ww" else 1 for letter in word)


def _count_part(word: str) -> int:
    """Nuclei of lower-case letters."""
    if word in _EXCEPTIONS:
        return _EXCEPTIONS[word]
    sounds = _mark_ending(word)
    for pattern, replacement in _SOUNDS:
        sounds = pattern.sub(replacement, sounds)
    sounds = sounds.replace("~", "")
    sounds = _GLIDING.sub("j", sounds)
    sounds = re.sub(rf"(?<=[^{_VOWELS}_])es?$", "", sounds) or "e"
    sounds = _DROPPED.sub("", sounds)
    return sum(sounds.count(vowel) for vowel in _VOWELS)


def _mark_ending(word: str) -> str:
    """Take off the mute ending of a verb in -ent."""
    if not word.endswith("ent") or len(word) < 5 or word in _NASAL_ENT:
        return word
    if (word.endswith("ment") and word not in _MUTE_MENT) or word.endswith("escent"):
        return word
    return word.removesuffix("nt")


# --- numbers, read as French words

_SYMBOLS = {"%": 2, "€": 2, "$": 2, "£": 1, "°": 2, "+": 1, "&": 1, "=": 2}


def _number_words(digits: str) -> str:
    """A whole number as it is said in France: ``mille neuf cent quatre-vingt-dix-huit``."""
    from num2words import num2words  # its import takes 0.1 s, and few texts hold digits

    return num2words(int(digits), lang="fr")


def _count_number(digits: str) -> int:
    """Syllables of digits: 1998 is one number, 3,5 has a comma, 06.12.34 none."""
    whole, *others = re.split(r"[.,]", digits)
    comma = count_syllables("virgule") if len(others) == 1 else 0
    return _count_digits(whole) + comma + sum(_count_digits(other) for other in others)


def _count_digits(digits: str) -> int:
    """A telephone number is read in pairs, and digits after a leading 0 one by one."""
    if digits.startswith("0") or len(digits) > 9:
        pairs = [digits[i : i + 2] for i in range(0, len(digits), 2)]
        return sum(sum(count_syllables(_number_words(d)) for d in pair) for pair in pairs)
    return count_syllables(_number_words(digits))


# --- any language

_LETTERS = re.compile(r"[^\W\d_]+")
_VOWEL_GROUPS = re.compile(
    "[aeiouyøæœ]+|[аеёиоуыэюя]"
)  # accents are taken off first; Russian: one each
# English writes an e that nobody says: make, makes, named, but not table, wanted, houses.
_MUTE = re.compile(r"(?<=[aeiouy])([bcdfgkmnprstvxz]+|[lr])e(s|d)?$")
# Two of a, e, o are two syllables in Spanish and Italian, as an accented i or u beside one is;
# their hyphenation leaves them together.
_HIATUS = re.compile("(?<=[aeoáéó])(?=[aeoáéó])|(?<=[aeo])(?=[íú])|(?<=[íú])(?=[aeo])")
_SAID = re.compile(r"([dt]ed|(ch|sh|[sxzcg])es)$")


def syllables_of(word: str, language: str = FRENCH) -> int:
    """Syllables of a word or a short text, 0 where the spelling of the language tells of none."""
    how = find_language(language).syllables
    if how == "rules":
        return count_syllables(word)
    if how == "characters":
        return sum("CJK UNIFIED" in unicodedata.name(sign, "") for sign in word)
    if how == "pyphen":
        return sum(_hyphenated(part.lower(), language) for part in _LETTERS.findall(word))
    return 0


@functools.lru_cache(maxsize=100_000)
def _hyphenated(word: str, language: str) -> int:
    """Groups of vowels in the pieces that may stand on two lines; at least one.

    Hyphenation parts two vowels of two syllables (``Fa-mi-li-en``), and the groups count what
    it keeps together at the ends of a word (``aber``, ``amigo``).
    """
    if language == "en" and not _SAID.search(word):
        word = _MUTE.sub(r"\1", word)
    if language in ("es", "it"):
        word = _HIATUS.sub("|", word)
    pieces = _dictionary(language).inserted(word, hyphen="|").split("|")
    return max(1, sum(len(_VOWEL_GROUPS.findall(_without_accents(piece))) for piece in pieces))


def _without_accents(text: str) -> str:
    parts = unicodedata.normalize("NFD", text.replace("й", ""))
    return "".join(sign for sign in parts if not unicodedata.combining(sign))


@functools.cache
def _dictionary(language: str) -> pyphen.Pyphen:
    return pyphen.Pyphen(lang=language, left=1, right=1)
