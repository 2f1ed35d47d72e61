"""Stage 3: from arrays to models and predictions."""

from spoken_cefr.paths import offering

__getattr__ = offering(
    __name__,
    {
        "spoken_cefr.neural_networks.stage": ("run", "split_recordings"),
        "spoken_cefr.neural_networks.inputs": (
            *("raw_speech_embeddings", "speech_embeddings", "transcript_embeddings"),
        ),
        "spoken_cefr.neural_networks.embeddings.places": ("place_s",),
        "spoken_cefr.neural_networks.networks.per_recording": ("AttentionNetwork",),
        "spoken_cefr.neural_networks.networks.per_segment": ("build_model", "count_parameters"),
        "spoken_cefr.neural_networks.split": ("relabel",),
        "spoken_cefr.neural_networks.summary": (
            *("tell_age", "tell_balance", "tell_cloud", "tell_histories", "tell_layers"),
            *("tell_measures", "tell_noise", "tell_parts", "tell_places", "tell_run_names"),
            *("tell_shares", "tell_validation", "validation_table"),
        ),
        "spoken_cefr.neural_networks.training.balance": ("effective_shares",),
        # What the rooms before it offer, for whoever looks at a network's inputs.
        "spoken_cefr.corpus.levels": ("label_set", "level_codes"),
        "spoken_cefr.corpus.metadata": ("read_metadata",),
        "spoken_cefr.measures.table": ("measures_of", "measures_table"),
        "spoken_cefr.processing.audio": ("to_image",),
        "spoken_cefr.processing.stage": ("load_arrays",),
        "spoken_cefr.stages": ("stage_folder",),
    },
)
