"""From audio files to segments: spectrograms, transcripts, word times."""

from spoken_cefr.paths import offering

__getattr__ = offering(
    __name__,
    {
        "spoken_cefr.processing.stage": ("run", "load_arrays"),
        "spoken_cefr.processing.audio": ("load_audio", "segment"),
        "spoken_cefr.processing.segments": ("tell_segments",),
        "spoken_cefr.processing.spectra": ("tell_window_and_noise",),
        "spoken_cefr.processing.transcription.scoring": (
            *("known_texts", "side_by_side", "tell_word_errors", "word_errors"),
        ),
    },
)
