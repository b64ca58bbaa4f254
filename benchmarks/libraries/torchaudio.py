"""Every network of torchaudio.models that a function without required arguments builds, on a sound of the kind that it takes."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from libraries import Made, both


def _networks() -> dict[str, Any]:
    """How each is built, and the arguments with which it may run."""
    import torch
    from torchaudio import models

    wave, samples, stereo = torch.zeros(1, 16000), torch.tensor([16000]), torch.zeros(1, 2, 44100)
    frames, steps = torch.zeros(1, 50, 80), torch.tensor([50])
    words, ten = torch.ones(1, 10, dtype=torch.int64), torch.tensor([10])
    conformer, sources = partial(models.Conformer, 80, 4, 128, 4, 31), ["drums", "bass", "other"]
    found = {}
    for name in dir(models):
        build = getattr(models, name)
        if name.startswith(("wav2vec2_", "wavlm_")) and not name.endswith("_model"):
            found[name] = (build, [(wave,)])
        elif name.startswith("hubert_pretrain_") and not name.endswith("_model"):
            found[name] = (build, [(wave, torch.ones(1, 49, dtype=torch.int64), samples)])
        elif name in {"hubert_base", "hubert_large", "hubert_xlarge"}:
            found[name] = (build, [(wave,)])
        elif name.startswith("hdemucs_"):
            found[name] = (partial(build, sources), [(stereo,)])
    return found | {
        "Wav2Letter": (models.Wav2Letter, [(wave[None],)]),
        "Wav2Letter/mfcc": (partial(models.Wav2Letter, input_type="mfcc", num_features=13), [(torch.zeros(1, 13, 200),)]),
        "DeepSpeech": (partial(models.DeepSpeech, 161), [(torch.zeros(1, 1, 100, 161),)]),
        "Conformer": (conformer, [(frames, steps)]),
        "Conformer/convolution_first": (partial(conformer, use_group_norm=True, convolution_first=True), [(frames, steps)]),
        "Emformer": (partial(models.Emformer, 80, 4, 256, 4, 10), [(frames, steps)]),
        "ConvTasNet": (models.ConvTasNet, [(wave[None, :, :8000],)]),
        "conv_tasnet_base": (models.conv_tasnet_base, [(wave[None, :, :8000],)]),
        "Tacotron2": (models.Tacotron2, [(words, ten, torch.zeros(1, 80, 40), torch.tensor([40]))]),
        "WaveRNN": (partial(models.WaveRNN, [5, 5, 8], 256, 200), [(torch.zeros(1, 1, 7200), torch.zeros(1, 1, 128, 40))]),
        "emformer_rnnt_base": (
            partial(models.emformer_rnnt_base, 512),
            [(torch.zeros(1, 68, 80), torch.tensor([68]), words.int(), ten.int())],
        ),
        "squim_objective_base": (models.squim_objective_base, [(wave,)]),
        "squim_subjective_base": (models.squim_subjective_base, [(wave, wave)]),
    }


def names() -> list[str]:
    """The names of functions and classes."""
    return list(_networks())


def made(name: str) -> Iterator[Made]:
    """The network with its inputs."""
    build, inputs = _networks()[name]
    return both(build, lambda _: iter(inputs))
