"""What the notebook sees at each table and figure: a sentence made from the data itself."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from spoken_cefr.corpus.cards import YOUNG
from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.evaluation.scores.differences import MIN_SPEAKERS
from spoken_cefr.evaluation.shortcuts.rows import SILENCE
from spoken_cefr.figures.audit import TARGET_TITLES, VECTOR_NAMES
from spoken_cefr.figures.results import SITE_WORDS
from spoken_cefr.neural_networks.summary import SEEN, listed

KAPPA = "quadratic_weighted_kappa"
# Over-confidence below this is within what calibration errors of few answers are.
SAME = 0.05


def tell_catalogue(counts: pd.DataFrame) -> str:
    """Of the counts of the real catalogue: where levels crowd, and what goes with them."""
    usable = counts[counts["level"].isin(TARGET_LEVELS)]
    of_level = usable.groupby("level")["recordings"].sum()
    two = of_level.nlargest(2)
    young = usable[usable["age_group"].isin(YOUNG)]
    share = young.groupby("level")["recordings"].sum().reindex(of_level.index, fill_value=0)
    share = share / of_level
    return (
        f"{SEEN}{two.sum() / of_level.sum():.0%} of {of_level.sum():,} recordings are "
        f"{' or '.join(sorted(two.index))}, and {of_level.min()} are {of_level.idxmin()}. Children "
        f"and adolescents speak {share.iloc[0]:.0%} of {share.index[0]} and "
        f"{share.iloc[-1]:.0%} of {share.index[-1]}: who hears the age has half an answer."
    )


def tell_baselines(baselines: Mapping[str, Any]) -> str:
    """Of `catalogue.ranked_baselines`: how far an answer comes that hears nothing."""
    kappas = {
        name: scores["quadratic_weighted_kappa"]["value"] for name, scores in baselines.items()
    }
    best, constant = next(iter(kappas)), baselines["majority"]["accuracy"]["value"]
    return (
        f"{SEEN}{best} reaches a kappa of {kappas[best]:.2f} without hearing anything, "
        f"and the duration alone {kappas['duration_only']:.2f}. Accuracy hides it: always the "
        f"commonest level is right {constant:.0%} of the time, with a kappa of "
        f"{kappas['majority']:.2f}."
    )


def tell_study(study: Mapping[str, Any], reanalysis: Mapping[str, Any]) -> str:
    """How far the study's best cell and its best printed output are above the constant answer."""
    n_b1, n_all = (study["parts"]["test"][name] for name in ("b1", "all"))
    constant = n_b1 / n_all
    found = reanalysis["constant_answer"]
    best = max(value for one in study["networks"] for value in one["accuracy"].values())
    printed = found["best_printed"]
    return (
        f"{SEEN}Always answering B1 scores {constant:.4f} on the study's test segments "
        f"({n_b1:,} of {n_all:,}). Its best table cell is {best:.2f} "
        f"({100 * (best - constant):+.1f} percentage points), its best printed output "
        f"{printed:.4f} ({100 * (printed - constant):+.2f}): the cell has two digits, and no "
        f"output shows it. Of {found['n_cells']} cells {found['n_cells_above']} lies above "
        f"the constant answer and {found['n_cells_equal']} equal it to two digits."
    )


def tell_cells(cells: pd.DataFrame) -> str:
    """Of ``study_networks.csv``: what those cells reach here that were run."""
    ran = cells[cells["status"] == "run"]
    if ran.empty:
        return f"{SEEN}None of the study's {len(cells)} cells was trained in this build."
    above = ran[ran["accuracy_low"] > ran["constant_accuracy"]]
    return (
        f"{SEEN}{len(ran)} of the study's {len(cells)} cells were trained in this build. On this "
        f"corpus {len(above)} of them {'has' if len(above) == 1 else 'have'} an interval above the "
        f"constant answer ({ran['constant_accuracy'].iloc[0]:.2f})."
    )


def tell_scores(results: pd.DataFrame, shortcuts: Collection[str], *, unit: str) -> str:
    """Of ``results.csv``: the best run beside the best shortcut, and what is not scored."""
    rows = results[results["unit"] == unit].set_index("run")
    runs, others = (rows[rows.index.isin(list(shortcuts)) == is_one] for is_one in (False, True))
    if runs.empty or others.empty:
        return f"{SEEN}No run answers {unit}s."
    best, bar = runs[KAPPA].idxmax(), others[KAPPA].idxmax()
    text = (
        f"{SEEN}The highest kappa on {unit}s is {_kappa(rows.loc[best])} ({best}); the best "
        f"shortcut, {bar}, has {_kappa(rows.loc[bar])}."
    )
    if unit == "segment":
        copied = sorted(set(results["run"]) - set(rows.index) - set(shortcuts))
        if copied:
            text += (
                f" {listed(copied)} give all segments of a recording one answer: copies are no "
                "further evidence, so that they are not scored here."
            )
    elif "majority" in rows.index and rows.loc["majority", KAPPA]:
        text += (
            f" That always the commonest level does not have exactly 0 "
            f"({rows.loc['majority', KAPPA]:.2f}) is due to the folds: not all have the same one."
        )
    return text


def margins(differences: pd.DataFrame, *, run: str) -> pd.DataFrame:
    """Of ``differences.csv``: a run minus each shortcut in kappa on recordings, as text."""
    mine = (differences["run"] == run) & (differences["other_is"] == "shortcut")
    rows = differences[mine & (differences["unit"] == "recording")]
    rows = rows[rows["metric"] == KAPPA].sort_values("difference")
    told = [_bounded(*row) for row in rows[["difference", "low", "high"]].to_numpy()]
    return pd.DataFrame(
        {"shortcut": rows["other"], f"kappa of {run} minus its own": told}
    ).set_index("shortcut")


def tell_exceeds(exceeds: pd.DataFrame, *, best: str) -> str:
    """Of ``exceeds.csv``, in kappa: which runs pass on recordings, and how many on segments."""
    of_kappa = exceeds[exceeds["metric"] == KAPPA]
    rows = of_kappa[of_kappa["unit"] == "recording"]
    if rows.empty or rows["exceeds_all"].isna().all():
        return f"{SEEN}With so few speakers no difference can be told from chance."
    passed = rows["exceeds_all"].astype(str) == "True"
    failed = rows[~passed]
    text = (
        f"{SEEN}{passed.sum()} of {len(rows)} runs exceed each of the "
        f"{rows['n_shortcuts'].iloc[0]} shortcuts in kappa"
        + (f": {listed(rows['run'][passed])}." if passed.any() else ".")
    )
    for row in failed.itertuples():
        text += f" {row.run} does not exceed {listed(str(row.not_exceeded).split('; '))}."
    verdict = "passes" if best in set(rows["run"][passed]) else "does not pass"
    text += f" The run that validation prefers, {best}, {verdict}."
    on_segments = of_kappa.loc[of_kappa["unit"] == "segment", "exceeds_all"].dropna()
    if len(on_segments):
        n_passed = (on_segments.astype(str) == "True").sum()
        text += f" On segments {n_passed} of {len(on_segments)} runs exceed every shortcut."
    return text


def tell_levels(per_class: pd.DataFrame, results: pd.DataFrame, *, run: str) -> str:
    """Of ``per_class.csv``: which level a run finds best and worst, and how far it errs."""
    mine = (per_class["run"] == run) & (per_class["unit"] == "recording")
    rows = per_class[mine & (per_class["measure"] == "recall")].dropna(subset="value")
    worst, best = (rows.loc[rows["value"].agg(which)] for which in ("idxmin", "idxmax"))
    scored = results[(results["run"] == run) & (results["unit"] == "recording")].iloc[0]
    return (
        f"{SEEN}{run} finds {best['level']} best ({best['n_right']:.0f} of {best['n']:.0f}) and "
        f"{worst['level']} worst ({worst['n_right']:.0f} of {worst['n']:.0f}). "
        f"{scored['within_one_level']:.0%} of its answers are at most one level away."
    )


def tell_calibration(bins: pd.DataFrame, *, run: str) -> str:
    """Of ``calibration.csv``: whether a run is surer than it is right."""
    rows = bins[(bins["run"] == run) & (bins["unit"] == "recording")]
    n = rows["n"].sum()
    sure, right = ((rows[name] * rows["n"]).sum() / n for name in ("confidence", "accuracy"))
    word = "surer than it is right" if sure > right + SAME else "about as sure as it is right"
    word = "less sure than it could be" if right > sure + SAME else word
    return (
        f"{SEEN}{run} gives its answers a probability of {sure:.2f} on average and is right "
        f"{right:.2f} of the time: it is {word}."
    )


def tell_speakers(curve: pd.DataFrame) -> str:
    """Of ``learning_curve.csv``: what the last speakers added."""
    if curve.empty:
        return f"{SEEN}There are too few speakers to train on fewer."
    steps = {
        name: rows.sort_values("n_train_speakers")[["n_train_speakers", KAPPA]].iloc[[0, -2, -1]]
        for name, rows in curve.groupby("model", sort=False)
        if len(rows) > 2
    }
    if not steps:
        return f"{SEEN}There are too few speakers for a curve."
    told = [
        f"{rows[KAPPA].iloc[0]:.2f} to {rows[KAPPA].iloc[2]:.2f} for "
        f"{VECTOR_NAMES.get(name, name)} "
        f"({rows['n_train_speakers'].iloc[0]} to {rows['n_train_speakers'].iloc[2]} speakers)"
        for name, rows in steps.items()
    ]
    rising = [
        VECTOR_NAMES.get(name, name)
        for name, rows in steps.items()
        if rows[KAPPA].iloc[2] - rows[KAPPA].iloc[1] > SAME
    ]
    end = (
        f"Still rising (by more than {SAME} over the last step): {'; '.join(rising)}"
        if rising
        else f"None rises by more than {SAME} over the last step"
    )
    return f"{SEEN}Kappa goes from {'; '.join(told)}. {end}."


def readings(audit: pd.DataFrame, targets: Sequence[str]) -> pd.DataFrame:
    """Kappas of ``audit.csv`` as text: a row for each model and condition, a column a target.

    Models and targets are named as in the figure.
    """
    rows = audit[audit["target"].isin(targets) & audit["kappa"].notna()]
    told = rows.assign(
        told=[_kappa(row, name="kappa") for row in rows.to_dict("records")],
        model=rows["model"].replace(VECTOR_NAMES),
    )
    keys = ["kind", "model", "condition"]
    table = told.drop_duplicates([*keys, "target"]).pivot(
        index=keys, columns="target", values="told"
    )
    table = table.reindex(columns=[one for one in targets if one in table]).fillna("")
    return table.rename(columns=TARGET_TITLES)


def tell_audit(audit: pd.DataFrame) -> str:
    """Which networks read something else of the speaker or the time, and who reads silence."""
    return f"{_of_other_targets(audit)}{_of_silence(audit)}"


def _of_other_targets(audit: pd.DataFrame) -> str:
    rows = audit[(audit["kind"] == "run") & (audit["condition"] != "labels permuted")]
    level = rows[rows["target"] == "level"].drop_duplicates("model").set_index("model")["kappa"]
    others = rows[(rows["target"] != "level") & (rows["kappa_low"] > 0)]
    if not (rows["target"] != "level").any():
        return f"{SEEN}No network was trained for another answer than the level."
    if others.empty:
        return f"{SEEN}No network reads age, gender or time surely: no interval is above zero."
    told = [
        f"{row.model} reads the {TARGET_TITLES[row.target]} with "
        f"{_kappa(row._asdict(), name='kappa')} and the level with {level.get(row.model):.2f}"
        for row in others.itertuples()
    ]
    return f"{SEEN}{'; '.join(told)}. A network that can read the voice may use it for the level."


def _of_silence(audit: pd.DataFrame) -> str:
    """Who tells the level from what is recorded while nobody speaks; "" where it was not asked."""
    rows = audit[(audit["condition"] == SILENCE) & (audit["target"] == "level")]
    sure = rows[rows["kappa_low"] > 0].sort_values("kappa", ascending=False)
    if rows.empty:
        return ""
    if sure.empty:
        return " From silence alone the level is not surely read: no interval is above zero."
    told = [f"{_kappa(row, name='kappa')} by {_named(row)}" for row in sure.to_dict("records")]
    return (
        f" Silence alone gives the level with {listed(told)}: above chance, so that what is not "
        "speech is a clue here."
    )


def _named(row: Mapping[str, Any]) -> str:
    """Who is asked about silence: a probe, or a network that was trained again on it."""
    return "a probe" if row["kind"] == "probe" else f"{row['model']} trained on it"


def tell_below_chance(audit: pd.DataFrame) -> str:
    """Of ``audit.csv``: what is answered worse than by chance, beside what nothing to read gives.

    Whoever is left out of a training differs from those in it: with few speakers, answers that
    follow the trained ones are wrong for the others. The intervals draw anew who is asked, not
    who is trained on.
    """
    below = audit[(audit["target"] != "level") & (audit["kappa_high"] < 0)]
    text = f"{SEEN}No answer about age, gender or time is surely worse than chance."
    if len(below):
        kappas = [_kappa(row, name="kappa") for row in below.to_dict("records")]
        asked = below["target"].map(TARGET_TITLES) + " by " + below["model"].replace(VECTOR_NAMES)
        named = [f"the {one} ({kappa})" for one, kappa in zip(asked, kappas, strict=True)]
        text = (
            f"{SEEN}The whole interval is below 0, wrong more often than chance, for "
            f"{listed(named)}. That is no reading: with few speakers, those left out differ from "
            "those trained on, and what was learned from the ones misleads about the others."
        )
    nothing = audit[(audit["condition"] == "labels permuted") & (audit["kappa"] < 0)]
    if len(below) and len(nothing):
        text += (
            " The same happens where labels were permuted, so that there is nothing to read: "
            f"{listed([f'{row.kappa:.2f} ({row.model})' for row in nothing.itertuples()])}."
        )
    return text


def tell_groups(groups: pd.DataFrame, *, run: str) -> str:
    """Of ``audit_groups.csv``: for whom a run works least, and whether that could be chance."""
    rows = groups[(groups["run"] == run) & (groups["metric"] == "accuracy")]
    rows = rows[rows["n_speakers"] >= MIN_SPEAKERS]
    if rows.empty:
        return f"{SEEN}No group has {MIN_SPEAKERS} speakers."
    worst = rows.loc[rows["value"].idxmin()]
    differ = rows[rows["differs"].astype(str) == "True"]
    end = (
        f"Different from the rest: {listed(differ['group'].replace(SITE_WORDS))}."
        if len(differ)
        else "None that could be compared with the rest differs beyond chance."
    )
    return (
        f"{SEEN}Of the groups with {MIN_SPEAKERS} speakers or more the lowest accuracy is "
        f"{worst['value']:.2f}, for {SITE_WORDS.get(worst['group'], worst['group'])} "
        f"({worst['n']} recordings, {worst['n_speakers']} speakers). {end}"
    )


def tell_mistakes(mistakes: pd.DataFrame, levels: Sequence[str]) -> str:
    """How far off the surest mistakes are, and in which direction."""
    if mistakes.empty:
        return f"{SEEN}There is no mistake."
    codes = [mistakes[name].map(list(levels).index) for name in ("level", "predicted")]
    away = codes[1] - codes[0]
    return (
        f"{SEEN}Of the {len(away)} surest mistakes {(away.abs() == 1).sum()} are one level off; "
        f"{(away > 0).sum()} answer too high and {(away < 0).sum()} too low."
    )


def tell_explanation(document: Mapping[str, Any]) -> str:
    """What the figures of one explained recording say, and what they cannot."""
    text = (
        f"{SEEN}Recording {document['recording_id']} is {document['level']}; {document['run']} "
        f"answers {document['predicted']} with a probability of {document['confidence']:.2f}."
    )
    apart = [row["measure"] for row in document.get("measures") or [] if row["margin"]]
    if apart:
        text += f" It is nearest to its own level in {listed(apart[:2])}."
    segments = document.get("segments") or []
    silent = [row["start_s"] for row in segments if not str(row.get("text") or "").strip()]
    if segments:
        text += (
            f" Of the {len(segments)} segments that say most for {document['segments_answer']} "
            f"({document['segments_run']}), {len(silent) or 'none'} "
            + ("have no word: there it is not language that decides." if silent else "is wordless.")
        )
    if "image_run" in document:
        text += f" {_of_heat_map(document)}"
    return text


def _of_heat_map(document: Mapping[str, Any]) -> str:
    """Which answer the heat map explains, and whether it is right."""
    run, answer, level = (document[f"image_{name}"] for name in ("run", "answer", "level"))
    kappa = document["image_kappa"]
    named = f"{run} (kappa {'undefined' if kappa is None else f'{kappa:.2f}'})"
    recording = f"recording {document['image_recording']}, which is {level}"
    if answer == level:
        return (
            f"The heat map is of {recording}: of the answers that {named} gets right, the surest."
        )
    return (
        f"The heat map is of {recording}; {named} answers {answer}, which is wrong. It gets no "
        "recording right, so that this shows where a mistake comes from."
    )


def _kappa(row: Mapping[str, Any], *, name: str = KAPPA) -> str:
    return _bounded(*(row[f"{name}{end}"] for end in ("", "_low", "_high")))


def _bounded(value: float, low: float, high: float) -> str:
    return f"{value:.2f}" if pd.isna(low) else f"{value:.2f} [{low:.2f}, {high:.2f}]"
