"""Every network of torchaudio.models that a function without required arguments builds, on a sound of the kind that it takes."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from libraries import Made, both


def _sounds() -> dict[str, Any]:
    """How each is built, and its arguments."""
    import torch
    from torchaudio import models

    wave, lengths = torch.zeros(1, 16000), torch.tensor([16000])
    batch, steps = torch.zeros(1, 50, 80), torch.tensor([50])
    found = {
        name: (getattr(models, name), [(wave,), (wave, lengths)])
        for name in dir(models)
        if name.startswith(("wav2vec2_", "wavlm_"))
    }
    del found["wav2vec2_model"], found["wavlm_model"]
    found |= {f"hubert_{size}": (getattr(models, f"hubert_{size}"), [(wave,)]) for size in ("base", "large", "xlarge")}
    words = torch.ones(1, 10, dtype=torch.int32)
    found |= {
        name: (getattr(models, name), [(wave, torch.ones(1, 49, dtype=torch.int64), lengths)])
        for name in ("hubert_pretrain_base", "hubert_pretrain_large", "hubert_pretrain_xlarge")
    }
    tokens = torch.ones(1, 10, dtype=torch.int64)
    return found | {
        "Wav2Letter": (models.Wav2Letter, [(torch.zeros(1, 1, 16000),)]),
        "Wav2Letter/mfcc": (partial(models.Wav2Letter, input_type="mfcc", num_features=13), [(torch.zeros(1, 13, 200),)]),
        "DeepSpeech": (partial(models.DeepSpeech, 161), [(torch.zeros(1, 1, 100, 161),)]),
        "Conformer": (partial(models.Conformer, 80, 4, 128, 4, 31), [(batch, steps)]),
        "Conformer/convolution_first": (
            partial(models.Conformer, 80, 4, 128, 4, 31, use_group_norm=True, convolution_first=True),
            [(batch, steps)],
        ),
        "Emformer": (partial(models.Emformer, 80, 4, 256, 4, 10), [(batch, torch.tensor([50]))]),
        "ConvTasNet": (models.ConvTasNet, [(torch.zeros(1, 1, 8000),)]),
        "conv_tasnet_base": (models.conv_tasnet_base, [(torch.zeros(1, 1, 8000),)]),
        **{
            f"hdemucs_{size}": (
                partial(getattr(models, f"hdemucs_{size}"), ["drums", "bass", "other"]),
                [(torch.zeros(1, 2, 44100),)],
            )
            for size in ("low", "medium", "high")
        },
        "Tacotron2": (models.Tacotron2, [(tokens, torch.tensor([10]), torch.zeros(1, 80, 40), torch.tensor([40]))]),
        "WaveRNN": (
            partial(models.WaveRNN, [5, 5, 8], 256, 200),
            [(torch.zeros(1, 1, (40 - 4) * 200), torch.zeros(1, 1, 40, 128))],
        ),
        "emformer_rnnt_base": (
            partial(models.emformer_rnnt_base, 512),
            [(batch.new_zeros(1, 68, 80), torch.tensor([68]), words, torch.tensor([10], dtype=torch.int32))],
        ),
        "squim_objective_base": (models.squim_objective_base, [(wave,)]),
        "squim_subjective_base": (models.squim_subjective_base, [(wave, wave)]),
    }


def names() -> list[str]:
    """The names of functions and classes."""
    return list(_sounds())


def made(name: str) -> Iterator[Made]:
    """The network with its inputs."""
    build, inputs = _sounds()[name]
    return both(build, lambda _: iter(inputs))
