"""Every public model class of Hugging Face transformers, from its default configuration made tiny.

Sizes that a configuration computes from others are computed again. Where tiny sizes do not fit each other, only the number of
layers is reduced, and where that does not fit either, the configuration stays as it is.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

from libraries import Made, weighed

LENGTH = 16  # tokens
_LAYERS = """num_hidden_layers num_layers n_layer n_layers encoder_layers decoder_layers num_encoder_layers num_decoder_layers depth
num_blocks decoder_num_hidden_layers encoder_num_hidden_layers num_hidden_groups""".split()
_WIDTHS = {
    **dict.fromkeys("hidden_size d_model n_embd embed_dim dim out_hidden_size projection_dim hidden_dim".split(), 64),
    **dict.fromkeys("encoder_hidden_size decoder_hidden_size projector_hidden_size text_hidden_size".split(), 64),
    **dict.fromkeys("intermediate_size encoder_ffn_dim decoder_ffn_dim ffn_dim d_ff mlp_dim moe_intermediate_size".split(), 128),
    **dict.fromkeys("num_attention_heads encoder_attention_heads decoder_attention_heads n_head n_heads num_heads".split(), 4),
    "head_dim": 16,
    "num_key_value_heads": 2,
    "num_local_experts": 4,
    "num_experts": 4,
}
_TINY = {**dict.fromkeys(_LAYERS, 4), **_WIDTHS}


def names() -> list[str]:
    """The names of classes; the basic one of each architecture with eager attention too."""
    import transformers

    found = []
    for path in sorted(Path(transformers.__file__).parent.glob("models/*/modeling_*.py")):
        listed = re.search(r"^__all__ = (\[.*?\])", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        for name in ast.literal_eval(listed[1]) if listed else ():
            kind = getattr(transformers, name, None)
            if _is_model(kind):
                found.append(name)
                if name.endswith("Model") and getattr(kind, "_supports_sdpa", False):
                    found.append(f"{name}/eager")
    return list(dict.fromkeys(found))  # a file may list a class of another


def _is_model(kind: Any) -> bool:
    import transformers

    if not (isinstance(kind, type) and issubclass(kind, transformers.PreTrainedModel)):
        return False
    return not kind.__name__.endswith("PreTrainedModel") and kind.forward is not transformers.PreTrainedModel.forward


def made(name: str) -> Iterator[Made]:
    """The model with its inputs, the smallest first."""
    import transformers

    transformers.logging.set_verbosity_error()
    name, _, attention = name.partition("/")
    kind = getattr(transformers, name)
    error, built = None, 0
    for table in (_TINY, dict.fromkeys(_LAYERS, 2), {}):
        try:
            config = _smaller(kind.config_class, table)
            if attention:
                config._attn_implementation = attention
            module = weighed(lambda config=config: kind._from_config(config))
        except Exception as failed:
            error = error or failed
            continue
        for kwargs in _arguments(kind, config):
            yield Made(module, (), kwargs)
        if (built := built + 1) == 2:
            return
    if not built and error is not None:
        raise error


def _smaller(kind: Any, table: Mapping[str, int]) -> Any:
    """The default configuration of a class with the sizes of the table, in its parts as well."""
    usual = kind()
    if not table:
        return usual
    changed: dict[str, Any] = {}
    for key, value in usual.to_dict().items():
        if type(value) is int and key in table and value > table[key]:
            changed[key] = table[key]
        elif key == "depths" and isinstance(value, list):
            changed[key] = [min(2, depth) for depth in value]
    if "num_key_value_heads" in changed and usual.num_key_value_heads == getattr(usual, "num_attention_heads", None):
        changed["num_key_value_heads"] = changed.get("num_attention_heads", usual.num_attention_heads)
    if hasattr(usual, "prediction_length") and usual.prediction_length is None:
        changed["prediction_length"] = 8
    if hasattr(usual, "attn_layer_indices"):
        changed["attn_layer_indices"] = [1, 3]
    for key in getattr(kind, "sub_configs", {}):
        part = getattr(usual, key, None)
        if part is not None and hasattr(part, "to_dict"):
            changed[key] = _smaller(type(part), table)
    return kind(**changed)


# Inputs


def _arguments(kind: Any, config: Any) -> Iterator[dict[str, Any]]:
    """Arguments of the forward pass by name: the likeliest first."""
    wanted = signature(kind.forward).parameters
    required = {p.name for p in wanted.values() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "self"}
    seen = []
    if "past_values" in wanted:
        yield _series(config, wanted)
    for image in _images(config, wanted):
        for sound in _sounds(config, wanted):
            for words in _words(kind, config, wanted):
                found = {**words, **image, **sound}
                shapes = {key: getattr(value, "shape", value) for key, value in found.items()}
                if found and required <= found.keys() and shapes not in seen:
                    seen.append(shapes)
                    yield found


def _find(config: Any, *names: str, default: Any = None) -> Any:
    """The first of these attributes that the configuration or one of its parts has."""
    parts = [getattr(config, key, None) for key in getattr(config, "sub_configs", {})]
    for name in names:
        for part in (config, *parts):
            if part is not None and getattr(part, name, None) is not None:
                return getattr(part, name)
    return next((found for part in parts if part is not None and (found := _find(part, *names)) is not None), default)


def _words(kind: Any, config: Any, wanted: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    import torch

    ids = torch.full((1, LENGTH), 5)
    if isinstance(end := _find(config, "eos_token_id"), int) and end >= 0:
        ids[:, -1] = end  # at which classifiers of sequences read
    if "MultipleChoice" in kind.__name__:
        ids = ids[:, None].repeat(1, 2, 1)
    found: dict[str, Any] = {}
    for name in ("input_ids", "decoder_input_ids"):
        if name in wanted:
            found[name] = ids
    if "attention_mask" in wanted and "input_ids" in wanted:
        found["attention_mask"] = torch.ones_like(ids)
    if "bbox" in wanted:
        found["bbox"] = torch.zeros(1, LENGTH, 4, dtype=torch.int64)
    yield found
    if "decoder_input_ids" in found and "input_ids" in found:
        yield {key: value for key, value in found.items() if key != "decoder_input_ids"}
    if "attention_mask" in found:
        yield {key: value for key, value in found.items() if key in {"input_ids", "bbox"}}
    if found and "use_cache" in wanted:
        yield {**found, "use_cache": False}
    yield {}


def _series(config: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A series of numbers as long as the configuration says."""
    import torch

    past = getattr(config, "context_length", 32) or 32
    lags = max(getattr(config, "lags_sequence", None) or [0])
    ahead = getattr(config, "prediction_length", 8) or 8
    features = getattr(config, "num_time_features", 0) + getattr(config, "num_dynamic_real_features", 0)
    channels = getattr(config, "num_input_channels", 1)
    size = (1, past + lags) if channels == 1 and "past_time_features" in wanted else (1, past, channels)
    known = {
        "past_values": torch.zeros(size),
        "past_time_features": torch.zeros(1, past + lags, features),
        "past_observed_mask": torch.ones(size),
        "static_categorical_features": torch.zeros(1, getattr(config, "num_static_categorical_features", 0), dtype=torch.int64),
        "static_real_features": torch.zeros(1, getattr(config, "num_static_real_features", 0)),
        "future_values": torch.zeros((1, ahead, *size[2:])),
        "future_time_features": torch.zeros(1, ahead, features),
    }
    return {name: value for name, value in known.items() if name in wanted}


def mended(made: Made, error: Exception) -> Iterator[Made]:
    """The same with a place among the words for each feature of an image or a sound, as many as the model asks for or must have."""
    import torch

    asked = re.search(r"tokens:? *(\d+).*features:? *(\d+)", str(error))
    words, config = made.kwargs.get("input_ids"), getattr(made.module, "config", None)
    sound = "audio" in str(error).lower()
    mark = _find(config, *(["audio_token_id", "audio_token_index"] if sound else ["image_token_id", "image_token_index"]))
    if asked is None or words is None or mark is None or words.is_meta or words[0, 0] == mark:
        return
    side, patch = _find(config, "image_size", default=224), _find(config, "patch_size", default=16)
    grid = (side // patch) ** 2 if isinstance(side, int) and isinstance(patch, int) else 1
    counts = [int(asked[2]), _find(config, "mm_tokens_per_image", "image_seq_length", default=1), grid, grid + 1, grid // 4]
    for count in dict.fromkeys(counts):
        longer = torch.cat([torch.full((1, count), mark), words], 1)
        masks = {"attention_mask": torch.ones_like(longer)} if "attention_mask" in made.kwargs else {}
        yield replace(made, kwargs={**made.kwargs, "input_ids": longer, **masks})


def _images(config: Any, wanted: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    import torch

    name = next((name for name in ("pixel_values", "pixel_values_videos", "hidden_states") if name in wanted), None)
    if name is None:
        yield {}
        return
    size = _find(config, "image_size", default=224)
    if isinstance(size, Mapping):
        size = (size["height"], size["width"])
    height, width = (size, size) if isinstance(size, int) else size[-2:]
    channels = _find(config, "num_channels", "in_channels", "in_chans", default=3)
    channels = channels if isinstance(channels, int) else 3
    grid = next((name for name in ("image_grid_thw", "grid_thw", "video_grid_thw") if name in wanted), None)
    if grid:
        patch, frames = _find(config, "patch_size", default=14), _find(config, "temporal_patch_size", default=1)
        thw = torch.tensor([[1, 4, 4]])
        yield {name: torch.zeros(16, channels * frames * patch * patch), grid: thw}
        yield {name: torch.zeros(16, channels, patch, patch), grid: thw}
    if name != "hidden_states":
        picture = torch.zeros(1, channels, height, width)
        frames = _find(config, "num_frames", "frames_per_clip", default=8)
        several = {"image_sizes": torch.tensor([[height, width]])} if "image_sizes" in wanted else {}
        if name == "pixel_values":
            yield {name: picture, **several}
        yield {name: picture.expand(1, frames, channels, height, width).contiguous()}
        yield {name: picture[:, None].contiguous(), **several}
        yield {name: torch.zeros(1, channels, 224, 224), **several}
    if "input_ids" in wanted:
        yield {}


def _sounds(config: Any, wanted: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    import torch

    if "input_features" in wanted:
        mel = _find(config, "num_mel_bins", "feature_size", "input_feat_per_channel", "mel_bins", "input_dim", default=80)
        frames = 2 * _find(config, "max_source_positions", default=1500)
        mask = {"input_features_mask": torch.ones(1, 200, dtype=torch.int64)} if "input_features_mask" in wanted else {}
        yield {"input_features": torch.zeros(1, mel, frames)}
        yield {"input_features": torch.zeros(1, 200, mel), **mask}
        yield {"input_features": torch.zeros(1, mel, 200), **mask}
        yield {"input_features": torch.zeros(1, 1, 1001, 64)}
    elif "input_values" in wanted:
        yield {"input_values": torch.zeros(1, 16000)}
        yield {"input_values": torch.zeros(1, 1, 16000)}
        yield {"input_values": torch.zeros(1, 1024, 128)}
        yield {"input_values": torch.zeros(1, 50, 80)}
    else:
        yield {}
        return
    if "input_ids" in wanted:
        yield {}
