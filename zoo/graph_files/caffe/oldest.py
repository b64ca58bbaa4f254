"""Caffe's first syntax, `layers { layer { type: "conv" kernelsize: 3 } bottom: "data" top: "conv1" }`, as the present one.

Source: the message V0LayerParameter of caffe.proto, and what Caffe's upgrade makes of it: the fields that all types shared become
fields of a message for each type, and a layer `padding` becomes the padding of the convolution or pooling that reads it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from zoo.graph_files.caffe.textformat import Message, Value
from zoo.util.errors import ZooError, near

_TYPES = {
    "accuracy": "Accuracy",
    "bnll": "BNLL",
    "concat": "Concat",
    "conv": "Convolution",
    "data": "Data",
    "dropout": "Dropout",
    "euclidean_loss": "EuclideanLoss",
    "flatten": "Flatten",
    "hdf5_data": "HDF5Data",
    "hdf5_output": "HDF5Output",
    "im2col": "Im2col",
    "images": "ImageData",
    "infogain_loss": "InfogainLoss",
    "innerproduct": "InnerProduct",
    "lrn": "LRN",
    "multinomial_logistic_loss": "MultinomialLogisticLoss",
    "padding": "padding",
    "pool": "Pooling",
    "relu": "ReLU",
    "sigmoid": "Sigmoid",
    "softmax": "Softmax",
    "softmax_loss": "SoftmaxWithLoss",
    "split": "Split",
    "tanh": "TanH",
    "window_data": "WindowData",
}
_DATA = {"data": "data_param", "images": "image_data_param", "window_data": "window_data_param", "hdf5_data": "hdf5_data_param"}
_PRODUCT = {"conv": "convolution_param", "innerproduct": "inner_product_param"}
_WINDOW = {"conv": "convolution_param", "pool": "pooling_param"}
_CONV, _POOL, _LRN = ({key: f"{name}_param"} for key, name in (("conv", "convolution"), ("pool", "pooling"), ("lrn", "lrn")))

_FIELDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "num_output": ("num_output", _PRODUCT),
    "biasterm": ("bias_term", _PRODUCT),
    "weight_filler": ("weight_filler", _PRODUCT),
    "bias_filler": ("bias_filler", _PRODUCT),
    "pad": ("pad", _WINDOW),
    "kernelsize": ("kernel_size", _WINDOW),
    "stride": ("stride", _WINDOW),
    "group": ("group", _CONV),
    "pool": ("pool", _POOL),
    "dropout_ratio": ("dropout_ratio", {"dropout": "dropout_param"}),
    "local_size": ("local_size", _LRN),
    "alpha": ("alpha", _LRN),
    "beta": ("beta", _LRN),
    "k": ("k", _LRN),
    "concat_dim": ("concat_dim", {"concat": "concat_param"}),
    "batchsize": ("batch_size", _DATA),
    "source": ("source", _DATA),
    "rand_skip": ("rand_skip", _DATA),
    "new_height": ("new_height", _DATA),
    "new_width": ("new_width", _DATA),
}
"""The present name of a field, and the message that holds it, by type."""

_OF_ANY_TYPE = {"cropsize": "crop_size", "scale": "scale", "meanfile": "mean_file", "mirror": "mirror"}
_WITHOUT_SIZES = frozenset("shuffle_images hdf5_output_param blobs weight_decay new_num new_channels".split())
_DETECTION = frozenset(f"det_{name}" for name in "fg_threshold bg_threshold fg_fraction context_pad crop_mode".split())


def is_oldest(layer: Value) -> bool:
    """Whether an element of `layers` has the first syntax."""
    return isinstance(layer.content, Message) and "layer" in layer.content.fields


def upgraded(path: object, layers: Sequence[Value]) -> list[Value]:
    """Return the elements of `layers`, those of the first syntax in the present one, without layers of padding.

    Raises `ZooError` with the line of a type or field that Caffe did not have.
    """
    found, padded = [], dict[str, tuple[Value, Value]]()
    for one in layers:
        if not is_oldest(one) or not isinstance(one.content, Message):
            found.append(one)
            continue
        outer = one.content
        layer = _upgrade(path, outer)
        kind, tops = layer.fields["type"][0].content, outer.fields.get("top", [])
        bottoms = outer.fields.get("bottom", [])
        sources = [padded[str(value.content)] for value in bottoms if str(value.content) in padded]
        if sources:
            if kind not in {"Convolution", "Pooling"} or len(bottoms) != 1:
                _fail(path, outer.line, f"a layer padding is read by {kind}: expected a convolution or pooling with one bottom")
            (source, pad), param = sources[0], "convolution_param" if kind == "Convolution" else "pooling_param"
            layer.fields["bottom"] = [source]
            _inner(layer, param).fields["pad"] = [pad]
        for top in tops:
            padded.pop(str(top.content), None)
        if kind == "padding":
            if len(bottoms) != 1 or len(tops) != 1:
                _fail(path, outer.line, "a layer padding has one bottom and one top")
            padded[str(tops[0].content)] = bottoms[0], _last(layer, "pad", Value(0, outer.line))
        else:
            found.append(replace(one, content=layer))
    return found


def _upgrade(path: object, outer: Message) -> Message:
    """One layer: its bottoms, tops and rules, with the fields of the message `layer` in it."""
    inner = outer.fields["layer"][-1].content
    if not isinstance(inner, Message):
        _fail(path, outer.line, "layer: expected { ... }")
    old = _last(inner, "type", Value("", inner.line))
    if old.content not in _TYPES:
        what = f"type {old.content!r:.40}" if old.content else "none"
        _fail(path, old.line, f"type: expected one of the types of this syntax, got {what}{_hint(str(old.content), _TYPES)}")
    layer = Message(outer.line, {name: values for name, values in outer.fields.items() if name != "layer"})
    layer.fields["type"] = [Value(_TYPES[str(old.content)], old.line)]
    for name, values in inner.fields.items():
        _place(path, layer, str(old.content), name, values)
    return layer


def _place(path: object, layer: Message, kind: str, name: str, values: list[Value]) -> None:
    """Put a field where the present syntax has it. One that has no meaning for the type is ignored, as Caffe ignores it."""
    if name in {"name", "blobs_lr"}:
        layer.fields[name] = values
    elif name in _OF_ANY_TYPE:
        _inner(layer, "transform_param").fields[_OF_ANY_TYPE[name]] = values
    elif name == "pad" and kind == "padding":
        layer.fields["pad"] = values
    elif name in _FIELDS:
        new, by_type = _FIELDS[name]
        if kind in by_type:
            _inner(layer, by_type[kind]).fields[new] = values
    elif name not in {"type", *_WITHOUT_SIZES, *_DETECTION}:
        known = ["name", "blobs_lr", *_OF_ANY_TYPE, *_FIELDS]
        _fail(path, values[0].line, f"{name}: this syntax has no such field{_hint(name, known)}")


def _inner(layer: Message, name: str) -> Message:
    """The message of a field, made if it is absent."""
    values = layer.fields.setdefault(name, [Value(Message(layer.line), layer.line)])
    assert isinstance(values[-1].content, Message)
    return values[-1].content


def _last(message: Message, name: str, default: Value) -> Value:
    return message.fields.get(name, [default])[-1]


def _hint(name: str, known: Iterable[str]) -> str:
    close = near(name, known)
    return f"; did you mean {close[0]}?" if close else ""


def _fail(path: object, line: int, what: str) -> NoReturn:
    raise ZooError(f"{path}:{line}: {what}")
