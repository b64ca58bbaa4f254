"""Caffe's layers by type. Sizes are computed as Caffe computes them.

Source: caffe.proto and the layers of BVLC/caffe. A type without a rule, such as Python, gives sizes that are not in the file.
"""

from collections.abc import Sequence

from zoo.graph_files.caffe.arithmetic import (
    batch_norm,
    biased,
    dropout,
    eltwise,
    embed,
    inner_product,
    lrn,
    mvn,
    normalize,
    pointwise,
    power,
    prelu,
    relu,
    scale,
)
from zoo.graph_files.caffe.layer import Layer, Rule, UnreadableError
from zoo.graph_files.caffe.layout import concat, crop, flatten, nothing, parameter, permute, reshape, slice_, split, tile
from zoo.graph_files.caffe.losses import accuracy, argmax, loss, reduction, softmax, softmax_loss
from zoo.graph_files.caffe.windows import convolution, deconvolution, pooling, roi_pooling
from zoo.record.trace import Value


def run(layer: Layer) -> Sequence[Value]:
    """The outputs of a layer, whose steps are then known.

    Raises `UnreadableError` for a layer whose output sizes are not in the file, and `ZooError` for a layer that does not fit.
    """
    rule = RULES.get(layer.type)
    if rule is not None:
        return rule(layer)
    if layer.in_place:
        return [layer.step(f"caffe::{layer.type}", [("inputs", value) for value in layer.inputs], layer.x.shape)]
    raise UnreadableError(
        "its output sizes are known to its code only" if layer.type == "Python" else "zoo has no rule for this type"
    )


NEEDS_SCORES_ONLY = frozenset(
    (
        "Accuracy",
        "ContrastiveLoss",
        "EuclideanLoss",
        "HingeLoss",
        "InfogainLoss",
        "MultinomialLogisticLoss",
        "SigmoidCrossEntropyLoss",
        "SoftmaxWithLoss",
    )
)
"""Layers whose outputs are known if their first bottom is."""

RULES: dict[str, Rule] = {
    "AbsVal": pointwise("abs"),
    "Accuracy": accuracy,
    "ArgMax": argmax,
    "BNLL": pointwise("softplus"),
    "BatchNorm": batch_norm,
    "Bias": biased,
    "Clip": pointwise("clamp"),
    "Concat": concat,
    "ContrastiveLoss": loss("caffe::ContrastiveLoss"),
    "Convolution": convolution,
    "ConvolutionDepthwise": convolution,
    "Crop": crop,
    "Deconvolution": deconvolution,
    "DepthwiseConvolution": convolution,
    "Dropout": dropout,
    "ELU": pointwise("elu"),
    "Eltwise": eltwise,
    "Embed": embed,
    "EuclideanLoss": loss("mse_loss"),
    "Exp": pointwise("exp"),
    "Flatten": flatten,
    "HDF5Output": nothing,
    "HingeLoss": loss("multi_margin_loss"),
    "InfogainLoss": loss("caffe::InfogainLoss"),
    "InnerProduct": inner_product,
    "LRN": lrn,
    "Log": pointwise("log"),
    "MVN": mvn,
    "MultinomialLogisticLoss": loss("nll_loss_nd"),
    "Normalize": normalize,
    "PReLU": prelu,
    "Parameter": parameter,
    "Permute": permute,
    "Pooling": pooling,
    "Power": power,
    "ROIPooling": roi_pooling,
    "ReLU": relu,
    "ReLU6": pointwise("relu6"),
    "Reduction": reduction,
    "Reshape": reshape,
    "Scale": scale,
    "Sigmoid": pointwise("sigmoid"),
    "SigmoidCrossEntropyLoss": loss("binary_cross_entropy_with_logits"),
    "Silence": nothing,
    "Slice": slice_,
    "Softmax": softmax("softmax"),
    "SoftmaxWithLoss": softmax_loss,
    "Split": split,
    "Swish": pointwise("silu"),
    "TanH": pointwise("tanh"),
    "Threshold": pointwise("gt"),
    "Tile": tile,
}
_OLD_NAMES = (
    *(
        "AbsVal",
        "Accuracy",
        "ArgMax",
        "BNLL",
        "Concat",
        "ContrastiveLoss",
        "Convolution",
        "Crop",
        "Data",
        "Deconvolution",
        "Dropout",
    ),
    *("DummyData", "Eltwise", "EuclideanLoss", "Exp", "Flatten", "HDF5Data", "HDF5Output", "HingeLoss", "Im2col", "ImageData"),
    *("InfogainLoss", "InnerProduct", "LRN", "MVN", "MemoryData", "MultinomialLogisticLoss", "Pooling", "Power", "ReLU", "Sigmoid"),
    *("SigmoidCrossEntropyLoss", "Silence", "Slice", "Softmax", "Split", "TanH", "Threshold", "WindowData"),
)
OLD_TYPES = {name.upper(): name for name in _OLD_NAMES}
"""The types of the old syntax, `layers { type: INNER_PRODUCT }`, without underscores; CROP existed in branches of Caffe."""
