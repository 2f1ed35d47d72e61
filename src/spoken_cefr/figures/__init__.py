"""Figures drawn from tables: notebooks, stages and the paper ask for them, nothing else does."""

from spoken_cefr.paths import offering

__getattr__ = offering(
    __name__,
    {
        "spoken_cefr.figures.corpus": (
            *("draw_age", "draw_balance", "draw_catalogue_classes"),
            *("draw_classes", "draw_data_balancing", "draw_levels_by"),
        ),
        "spoken_cefr.figures.architecture": ("draw_architecture", "draw_fusion", "layer_table"),
        "spoken_cefr.figures.networks": (
            *("draw_images", "draw_measures", "draw_places", "draw_projection", "measure_labels"),
        ),
        "spoken_cefr.figures.processing": (
            *("plot_log_mel", "plot_segment", "plot_waveform", "plot_words"),
        ),
        "spoken_cefr.figures.results": ("draw_learning_curves",),
        "spoken_cefr.figures.style": ("with_notice",),
    },
)
