"""Encoders that turn speech into frames of 20 ms: Whisper's and wav2vec2's, at any layer.

Layers are numbered as Hugging Face numbers ``hidden_states``: 0 is what the
first transformer layer reads (convolutions and positions are in it), i is the
output of layer i, and -1 or the number of layers is the encoder's own output.
"""

import torch
from torch import Tensor, nn

from spoken_cefr.arithmetic import is_pinned
from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.embeddings.torchaudio_cpu import import_torchaudio
from spoken_cefr.processing.weights.openai import load_openai_whisper

SAMPLE_RATE = 16_000  # Hz, of both families
SAMPLES_PER_FRAME = 320  # the stride of both: 20 ms
WINDOW_FRAMES = 1500  # 30 s: Whisper has no positions beyond it
BUNDLES = {"wav2vec2_base": "WAV2VEC2_BASE", "voxpopuli_fr": "VOXPOPULI_ASR_BASE_10K_FR"}


class WhisperFrames:
    """The encoder of openai-whisper (an ``AudioEncoder``), up to one layer.

    Whisper was trained on windows of 30 s. A shorter signal is encoded as
    such, because silence after it tells every frame where the recording ends
    (`benchmarks/speech_embeddings.py` measures that); ``pad=True`` does as Whisper does.
    """

    batch_size = 4  # signals that are best given together

    def __init__(self, encoder: nn.Module, *, layer: int) -> None:
        if is_pinned():
            # As matrix products, for torch's fused kernel depends on the processor. For the
            # process and for good: Whisper's ``disable_sdpa`` sets this switch back, and so
            # turned the fused kernel on under a thread that was still encoding.
            from whisper.model import MultiHeadAttention

            MultiHeadAttention.use_sdpa = False
        self.encoder = encoder.eval()
        self.n_layers = len(encoder.blocks)
        self.layer = checked_layer(layer, self.n_layers)

    @torch.inference_mode()
    def __call__(self, signals: Tensor, *, pad: bool = False) -> Tensor:
        """Encode signals of one length, at most 30 s: (n, n_samples) at `SAMPLE_RATE`.

        With ``pad`` each is followed by silence up to 30 s. -> (n, about n_samples / 320,
        n_features), float32: frames of the signals only, never of padding.
        """
        from whisper.audio import log_mel_spectrogram

        n_frames = -(-signals.shape[1] // SAMPLES_PER_FRAME)
        length = (WINDOW_FRAMES if pad else n_frames) * SAMPLES_PER_FRAME
        signals = nn.functional.pad(signals, (0, length - signals.shape[1]))
        # One by one: Whisper's scale depends on the loudest value that is given together.
        mel = torch.stack([log_mel_spectrogram(s, self.encoder.conv1.in_channels) for s in signals])
        x = nn.functional.gelu(self.encoder.conv1(mel))
        x = nn.functional.gelu(self.encoder.conv2(x)).permute(0, 2, 1)
        x = x + self.encoder.positional_embedding[: x.shape[1]]
        for block in self.encoder.blocks[: self.layer]:
            x = block(x)
        if self.layer == self.n_layers:
            x = self.encoder.ln_post(x)
        return x[:, :n_frames].float()


class Wav2Vec2Frames:
    """A wav2vec2 model of torchaudio, or what its bundles wrap it in, up to one layer."""

    batch_size = 16

    def __init__(self, model: nn.Module, *, layer: int) -> None:
        self.model = model.eval()
        inner = getattr(model, "model", model)
        self._layers = inner.encoder.transformer.layers
        self.n_layers = len(self._layers)
        self.layer = checked_layer(layer, self.n_layers)

    @torch.inference_mode()
    def __call__(self, signals: Tensor, *, pad: bool = False) -> Tensor:
        """As `WhisperFrames`; trained on any length, so ``pad`` changes nothing."""
        # Below 400 samples the first convolutions give no frame at all.
        signals = nn.functional.pad(signals, (0, max(0, 400 - signals.shape[1])))
        if self.layer > 0:
            states, _ = self.model.extract_features(signals, num_layers=self.layer)
            return states[-1].float()
        read: list[Tensor] = []
        hook = self._layers[0].register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
        try:
            self.model.extract_features(signals, num_layers=1)
        finally:
            hook.remove()
        return read[0].float()


FrameEncoder = WhisperFrames | Wav2Vec2Frames


def checked_layer(layer: int, n_layers: int) -> int:
    """The layer counted from 0; -1 is the last. InputError if the encoder has no such layer."""
    if not -1 <= layer <= n_layers:
        raise InputError(
            f"neural_networks.speech_layer is {layer}; this encoder has the hidden states 0 to "
            f"{n_layers}, and -1 for the last"
        )
    return n_layers if layer == -1 else layer


def load_frame_encoder(
    name: str, *, layer: int, whisper_model: str, device: torch.device
) -> FrameEncoder:
    """Load "whisper", "wav2vec2_base" or "voxpopuli_fr" with its published weights.

    ``whisper_model`` is as `processing.weights.openai.load_openai_whisper` takes it. InputError
    if the weights are not here and cannot be downloaded, or there is no such layer.
    """
    if name == "whisper":
        encoder = load_openai_whisper(whisper_model).encoder
        return WhisperFrames(encoder.to(device), layer=layer)
    return Wav2Vec2Frames(_load_bundle(name).to(device), layer=layer)


def _load_bundle(name: str) -> nn.Module:
    bundle = getattr(import_torchaudio().pipelines, BUNDLES[name])
    try:
        # weights_only: the file holds tensors, and nothing in it is run.
        return bundle.get_model(dl_kwargs={"weights_only": True})
    # urllib's and the file system's errors are OSError; a damaged file gives RuntimeError.
    except (OSError, RuntimeError) as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"neural_networks.speech_encoder {name!r}: the weights of torchaudio's "
            f"{BUNDLES[name]} cannot be loaded ({first_line}); they need internet the first "
            "time, the encoder 'whisper' never does"
        ) from None
