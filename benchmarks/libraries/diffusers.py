"""Every public network of diffusers, with its default options and fewer layers, on small latents, images and texts."""

import inspect
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from libraries import Made, weighed, weightless

_FEWER = "num_layers num_single_layers num_double_layers num_refiner_layers n_layers depth num_hidden_layers".split()
_CONTEXTS = """cross_attention_dim joint_attention_dim text_embed_dim caption_channels text_dim caption_projection_dim
encoder_hid_dim context_dim cond_dim condition_dim text_embed_channels encoder_hidden_dim in_channels_llm d_model
pooled_projection_dim""".split()


def names() -> list[str]:
    """The names of classes."""
    import diffusers

    found = [name for name in dir(diffusers.models) if _is_model(getattr(diffusers.models, name))]
    return [name for name in found if name not in {"ModelMixin", "MultiAdapter"} and "Multi" not in name]


def _is_model(kind: Any) -> bool:
    from diffusers import ModelMixin

    return isinstance(kind, type) and issubclass(kind, ModelMixin)


def made(name: str) -> Iterator[Made]:
    """The network with its inputs, on meta and then on real tensors."""
    import diffusers

    kind = getattr(diffusers.models, name)
    if name in (known := _given()):
        options, inputs = known[name]
        kwargs = {key: _tensor(value) for key, value in inputs.items()}
        if "return_dict" in inspect.signature(kind.forward).parameters:
            kwargs["return_dict"] = False
        yield from (Made(way(lambda: kind(**options)), (), kwargs) for way in (weightless, weighed))
        return
    parameters = inspect.signature(kind.__init__).parameters
    options = {p.name: p.default for p in parameters.values() if p.default is not p.empty}
    fewer = {key: 2 for key in _FEWER if isinstance(options.get(key), int) and options[key] > 2}
    built = [given for given in (fewer, {}) if given or not fewer]
    error = None
    for way, given in product((weightless, weighed), built):
        try:
            module = way(lambda given=given: kind(**given))
        except Exception as failed:
            error = failed
            continue
        error = None
        for kwargs in _arguments(kind, {**options, **given}):
            yield Made(module, (), kwargs)
    if error is not None:
        raise error


def _arguments(kind: Any, options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    import torch

    wanted = inspect.signature(kind.forward).parameters
    required = {p.name for p in wanted.values() if p.default is p.empty and p.name not in {"self", "args", "kwargs"}}
    channels = next((options[key] for key in ("in_channels", "latent_channels", "encoder_in_channels") if options.get(key)), 3)
    channels = channels if isinstance(channels, int) else channels[0]
    contexts = [options[key] for key in _CONTEXTS if isinstance(options.get(key), int)] or [None, 768]
    rest = _others(wanted, options)
    for states, context in product(_states(kind.__name__, channels), dict.fromkeys(contexts)):
        found = dict(rest)
        for name in ("hidden_states", "sample", "x", "latents", "z", "input"):
            if name in wanted:
                found[name] = states
        if "controlnet_cond" in wanted:
            picture = torch.zeros(1, 3, 512, 512) if "sample" in wanted else states
            found["controlnet_cond"] = picture
        if context is not None:
            for name in ("encoder_hidden_states", "source_hidden_states", "encoder_hidden_states_t5"):
                if name in wanted:
                    found[name] = torch.zeros(1, 16, context)
        if required <= found.keys():
            yield found


def _states(name: str, channels: int) -> Iterator[Any]:
    """Latents or images, by what the name of the network says of their axes."""
    import torch

    square, clip = torch.zeros(1, channels, 64, 64), torch.zeros(1, channels, 9, 64, 64)
    small, tokens = torch.zeros(1, channels, 5, 32, 32), torch.zeros(1, 64, channels)
    wave = torch.zeros(1, channels, 16384)
    images = [torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 9, 64, 64), torch.zeros(1, 3, 224, 224)]
    if "3D" in name or "Video" in name or "Motion" in name:
        yield from (small, clip, small.transpose(1, 2).contiguous(), *images, tokens, square)
    elif "1D" in name or "Audio" in name or "Oobleck" in name:
        yield from (wave, torch.zeros(1, 2, 16384), tokens, torch.zeros(1, channels, 64), square)
    else:
        yield from (square, tokens, *images, clip, wave)


def _others(wanted: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments that depend on nothing but the options."""
    import torch

    pooled = options.get("pooled_projection_dim") or 768
    known = {
        "timestep": torch.ones(1),
        "timesteps": torch.ones(1),
        "t": torch.ones(1),
        "timestep_r": torch.ones(1),
        "timestep_ratio": torch.ones(1),
        "sigma": torch.ones(1),
        "r_timestep": torch.ones(1),
        "guidance": torch.ones(1) if options.get("guidance_embeds") else None,
        "pooled_projections": torch.zeros(1, pooled),
        "encoder_attention_mask": torch.ones(1, 16, dtype=torch.int64),
        "encoder_hidden_states_mask": torch.ones(1, 16, dtype=torch.int64),
        "img_ids": torch.zeros(64, 3),
        "txt_ids": torch.zeros(16, 3),
        "original_size": torch.tensor([[512, 512]]),
        "target_size": torch.tensor([[512, 512]]),
        "crop_coords": torch.zeros(1, 2),
        "fps": torch.tensor([8]),
        "added_time_ids": torch.zeros(1, 3),
        "target_input_ids": torch.ones(1, 16, dtype=torch.int64),
        "num_frames": 1,
        "height": 8,
        "width": 8,
        "img_shapes": [[(1, 8, 8)]],
        "class_labels": torch.zeros(1, dtype=torch.int64) if options.get("num_embeds_ada_norm") else None,
        "mel": torch.zeros(1, 80, 64),
        "latents": torch.zeros(1, 16, 8, 8),
        "clip_text_pooled": torch.zeros(1, 1, 1280),
        "proj_embedding": torch.zeros(1, 768),
        "image_latents": torch.zeros(1, 4, 9, 64, 64),
        "return_dict": False,
    }
    return {name: value for name, value in known.items() if name in wanted and value is not None}


def _given() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Options and inputs of networks whose signature does not tell their axes; a tuple of numbers is a tensor of this size."""
    import torch

    return {
        "CogVideoXTransformer3DModel": (
            {"num_layers": 2},
            {"hidden_states": (1, 5, 16, 16, 16), "encoder_hidden_states": (1, 226, 4096), "timestep": (1,)},
        ),
        "ConsisIDTransformer3DModel": (
            {"num_layers": 2},
            {"hidden_states": (1, 5, 16, 16, 16), "encoder_hidden_states": (1, 226, 4096), "timestep": (1,)},
        ),
        "HunyuanDiT2DModel": (
            {"num_layers": 2, "in_channels": 4, "patch_size": 2, "hidden_size": 1408},
            {
                "hidden_states": (1, 4, 32, 32),
                "timestep": (1,),
                "encoder_hidden_states": (1, 77, 1024),
                "encoder_hidden_states_t5": (1, 256, 2048),
                "text_embedding_mask": (1, 77),
                "text_embedding_mask_t5": (1, 256),
                "image_meta_size": (1, 6),
                "style": torch.zeros(1, dtype=torch.int64),
                "image_rotary_emb": [torch.zeros(256, 88), torch.zeros(256, 88)],
            },
        ),
        "PixArtTransformer2DModel": (
            {"num_layers": 2, "sample_size": 32, "caption_channels": 4096},
            {
                "hidden_states": (1, 4, 32, 32),
                "encoder_hidden_states": (1, 16, 4096),
                "timestep": (1,),
                "added_cond_kwargs": {"resolution": None, "aspect_ratio": None},
            },
        ),
        "SanaTransformer2DModel": (
            {"num_layers": 2},
            {"hidden_states": (1, 32, 32, 32), "encoder_hidden_states": (1, 16, 2304), "timestep": (1,)},
        ),
        "SanaVideoTransformer3DModel": (
            {"num_layers": 2},
            {"hidden_states": (1, 16, 3, 30, 52), "encoder_hidden_states": (1, 16, 2304), "timestep": (1,)},
        ),
        "MochiTransformer3DModel": (
            {"num_layers": 2},
            {
                "hidden_states": (1, 12, 2, 16, 16),
                "encoder_hidden_states": (1, 256, 4096),
                "timestep": (1,),
                "encoder_attention_mask": torch.ones(1, 256, dtype=torch.bool),
            },
        ),
        "Lumina2Transformer2DModel": (
            {"num_layers": 2, "axes_dim_rope": (32, 32, 32)},
            {
                "hidden_states": (1, 16, 32, 32),
                "timestep": (1,),
                "encoder_hidden_states": (1, 16, 1024),
                "encoder_attention_mask": torch.ones(1, 16, dtype=torch.bool),
            },
        ),
        "UNetSpatioTemporalConditionModel": (
            {},
            {"sample": (1, 4, 8, 32, 32), "timestep": (1,), "encoder_hidden_states": (1, 1, 1024), "added_time_ids": (1, 3)},
        ),
        "Flux2Transformer2DModel": (
            {"num_layers": 1, "num_single_layers": 1},
            {
                "hidden_states": (1, 64, 128),
                "encoder_hidden_states": (1, 16, 15360),
                "timestep": (1,),
                "img_ids": (1, 64, 4),
                "txt_ids": (1, 16, 4),
                "guidance": (1,),
            },
        ),
        "ZImageTransformer2DModel": (
            {"n_layers": 2, "n_refiner_layers": 1},
            {"x": [torch.zeros(16, 1, 16, 16)], "t": (1,), "cap_feats": [torch.zeros(16, 2560)]},
        ),
        "WanVACETransformer3DModel": (
            {"num_layers": 2, "vace_layers": [0, 1]},
            {
                "hidden_states": (1, 16, 3, 16, 16),
                "timestep": (1,),
                "encoder_hidden_states": (1, 16, 4096),
                "control_hidden_states": (1, 96, 3, 16, 16),
            },
        ),
        "Transformer2DModel": ({"in_channels": 32, "num_layers": 2}, {"hidden_states": (1, 32, 16, 16)}),
        "TransformerTemporalModel": ({"in_channels": 32, "num_layers": 2}, {"hidden_states": (8, 32, 16, 16), "num_frames": 8}),
        "HunyuanImageTransformer2DModel": (
            {"num_layers": 1, "num_single_layers": 1, "num_refiner_layers": 1},
            {
                "hidden_states": (1, 64, 16, 16),
                "timestep": (1,),
                "encoder_hidden_states": (1, 16, 3584),
                "encoder_attention_mask": torch.ones(1, 16, dtype=torch.bool),
            },
        ),
        "StableAudioDiTModel": (
            {"num_layers": 2},
            {
                "hidden_states": (1, 64, 1024),
                "timestep": (1,),
                "encoder_hidden_states": (1, 16, 768),
                "global_hidden_states": (1, 1, 1536),
            },
        ),
        "LatteTransformer3DModel": (
            {
                "num_layers": 2,
                "in_channels": 4,
                "patch_size": 2,
                "sample_size": 32,
                "num_embeds_ada_norm": 1000,
                "norm_type": "ada_norm_single",
                "caption_channels": 4096,
                "cross_attention_dim": 1152,
                "attention_head_dim": 72,
                "video_length": 8,
            },
            {"hidden_states": (1, 4, 8, 32, 32), "timestep": (1,), "encoder_hidden_states": (1, 16, 4096)},
        ),
        "UVit2DModel": (
            {"num_hidden_layers": 2},
            {
                "input_ids": torch.zeros(1, 16, 16, dtype=torch.int64),
                "encoder_hidden_states": (1, 16, 768),
                "pooled_text_emb": (1, 768),
                "micro_conds": (1, 5),
            },
        ),
        "PriorTransformer": (
            {"num_layers": 2},
            {"hidden_states": (1, 768), "timestep": (1,), "proj_embedding": (1, 768), "encoder_hidden_states": (1, 77, 768)},
        ),
        "CosmosTransformer3DModel": (
            {"num_layers": 2},
            {
                "hidden_states": (1, 16, 4, 16, 16),
                "timestep": (1,),
                "encoder_hidden_states": (1, 16, 1024),
                "padding_mask": (1, 1, 16, 16),
            },
        ),
        "EasyAnimateTransformer3DModel": (
            {"num_layers": 2, "mmdit_layers": 2, "in_channels": 16, "out_channels": 16, "patch_size": 2},
            {"hidden_states": (1, 16, 4, 16, 16), "timestep": (1,), "encoder_hidden_states": (1, 16, 3584)},
        ),
        "PRXTransformer2DModel": (
            {"depth": 2, "axes_dim": [32, 32]},
            {"hidden_states": (1, 16, 16, 16), "timestep": (1,), "encoder_hidden_states": (1, 16, 2304)},
        ),
        "T5FilmDecoder": (
            {"num_layers": 2},
            {
                "encodings_and_masks": [(torch.zeros(1, 16, 768), torch.ones(1, 16))],
                "decoder_input_tokens": (1, 256, 128),
                "decoder_noise_time": (1,),
            },
        ),
        "AutoencoderKLHunyuanImage": (
            {
                "in_channels": 3,
                "out_channels": 3,
                "latent_channels": 64,
                "block_out_channels": (64, 128),
                "layers_per_block": 2,
                "spatial_compression_ratio": 4,
                "sample_size": 64,
            },
            {"sample": (1, 3, 64, 64)},
        ),
        "MMAudioVocoder": ({}, {"mel": (1, 128, 64)}),
        "Kandinsky5Transformer3DModel": (
            {"num_visual_blocks": 2},
            {
                "hidden_states": (1, 2, 16, 16, 4),
                "encoder_hidden_states": (1, 16, 3584),
                "timestep": (1,),
                "pooled_projections": (1, 768),
                "visual_rope_pos": [torch.arange(2), torch.arange(8), torch.arange(8)],
                "text_rope_pos": torch.arange(16),
            },
        ),
        "GlmImageTransformer2DModel": (
            {"num_layers": 2},
            {
                "hidden_states": (1, 16, 16, 16),
                "encoder_hidden_states": (1, 16, 1472),
                "prior_token_id": torch.zeros(1, 64, dtype=torch.int64),
                "prior_token_drop": torch.zeros(1, dtype=torch.bool),
                "timestep": (1,),
                "target_size": (1, 2),
                "crop_coords": (1, 2),
            },
        ),
        "ErnieImageTransformer2DModel": (
            {"num_layers": 2},
            {"hidden_states": (1, 128, 16, 16), "timestep": (1,), "text_bth": (1, 16, 2560), "text_lens": torch.tensor([16])},
        ),
        "AnimaTextConditioner": (
            {"num_layers": 2},
            {"source_hidden_states": (1, 16, 1024), "target_input_ids": torch.ones(1, 16, dtype=torch.int64)},
        ),
    }


def _tensor(value: Any) -> Any:
    """Zeros where `value` is a size; anything else as it is."""
    import torch

    return torch.zeros(value) if isinstance(value, tuple) and all(type(n) is int for n in value) else value
