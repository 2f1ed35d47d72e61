"""Evaluation: what the networks' answers are worth, beside answers that hear nothing."""

from spoken_cefr.paths import offering

__getattr__ = offering(
    __name__,
    {
        "spoken_cefr.evaluation.stage": ("run",),
        "spoken_cefr.evaluation.catalogue": (
            *("baselines_table", "ranked_baselines", "read_counts"),
        ),
        "spoken_cefr.evaluation.findings": (
            *("margins", "readings", "tell_audit", "tell_baselines", "tell_below_chance"),
            *("tell_calibration", "tell_catalogue", "tell_cells", "tell_exceeds"),
            *("tell_explanation", "tell_groups", "tell_levels", "tell_mistakes"),
            *("tell_scores", "tell_speakers", "tell_study"),
        ),
        "spoken_cefr.evaluation.scores.mistakes": ("player_url",),
        "spoken_cefr.evaluation.scores.results": ("read_results", "summary_table"),
        "spoken_cefr.evaluation.shortcuts.baselines": ("BASELINES",),
        "spoken_cefr.evaluation.study": ("read_study",),
    },
)
