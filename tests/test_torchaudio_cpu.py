"""torchaudio's Python part works beside a CPU-only torch."""

import subprocess
import sys

import pytest

CODE = """
import torch
from spoken_cefr.neural_networks.embeddings.torchaudio_cpu import import_torchaudio

torchaudio = import_torchaudio()
assert import_torchaudio() is torchaudio

# A tone keeps its frequency: 8 kHz to 16 kHz doubles the samples of a period.
tone = torch.sin(2 * torch.pi * 440 * torch.arange(8000) / 8000)
doubled = torchaudio.functional.resample(tone, 8000, 16000)
expected = torch.sin(2 * torch.pi * 440 * torch.arange(16000) / 16000)
assert (doubled - expected)[1000:-1000].abs().max() < 1e-2

model = torchaudio.models.wav2vec2_base().eval()  # random weights
assert torchaudio.pipelines.VOXPOPULI_ASR_BASE_10K_FR.sample_rate == 16000
with torch.inference_mode():
    features, _ = model.extract_features(torch.zeros(1, 16000))
assert len(features) == 12 and features[0].shape == (1, 49, 768)
print("works")
"""


@pytest.mark.slow
def test_models_pipelines_and_resampling_work_in_a_fresh_process():
    command = [sys.executable, "-W", "ignore", "-c", CODE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "works", done.stderr
