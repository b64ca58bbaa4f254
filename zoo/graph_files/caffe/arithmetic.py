"""Products, normalisation and elementwise layers of Caffe."""

from collections.abc import Callable
from math import prod

from zoo.graph_files.caffe.layer import Layer, Section, Shape
from zoo.graph_files.node import POINTWISE, REDUCTION, VIEW, Node
from zoo.graph_files.operators import steps as operator_steps
from zoo.record.trace import Value
from zoo.util.text import sizes

# Products


def inner_product(layer: Layer) -> list[Value]:
    """The axes from `axis` on are flattened."""
    section = layer.section.section("inner_product_param")
    axis = layer.axis(section.integer("axis", 1, -8))
    before, features = layer.x.shape[:axis], prod(layer.x.shape[axis:])
    units, bias, transposed = section.needed("num_output"), section.flag("bias_term", True), section.flag("transpose", False)
    section.check("weight_filler bias_filler")
    x = layer.x
    if len(x.shape) > axis + 1:
        x = layer.step("flatten", [("self", x)], (*before, features), {"start_dim": axis, "end_dim": -1}, VIEW)
    weight = layer.param("weight", (features, units) if transposed else (units, features))
    if transposed:
        weight = layer.step("t", [("self", weight)], (units, features), {}, VIEW)
    more = [("bias", layer.param("bias", (units,)))] if bias else []
    return [layer.step("linear", [("input", x), ("weight", weight), *more], (*before, units))]


def embed(layer: Layer) -> list[Value]:
    """A row of a table for each index, and a bias."""
    section = layer.section.section("embed_param")
    units, words, bias = section.needed("num_output"), section.needed("input_dim"), section.flag("bias_term", True)
    section.check("weight_filler bias_filler")
    weight = layer.param("weight", (words, units))
    out = layer.step("embedding", [("weight", weight), ("indices", layer.x)], (*layer.x.shape, units))
    return [_plus(layer, out, layer.param("bias", (units,))) if bias else out]


def _plus(layer: Layer, x: Value, other: Value) -> Value:
    return layer.step("add", [("self", x), ("other", other)], x.shape, {}, POINTWISE)


# Normalisation


def batch_norm(layer: Layer) -> list[Value]:
    """By running statistics, or by those of the batch in the phase TRAIN. A layer Scale after it has the coefficients."""
    section, channels = layer.section.section("batch_norm_param"), layer.x.shape[min(1, len(layer.x.shape) - 1)]
    training = not section.flag("use_global_stats", not layer.train)
    section.check("moving_average_fraction eps")
    statistics = [(name, layer.param(name, (channels,), trained=False)) for name in ("running_mean", "running_var")]
    attrs = {"training": training, "eps": section.number("eps", 1e-5)}
    return [layer.step("batch_norm", [("input", layer.x), *statistics], layer.x.shape, attrs)]


def _coefficients(layer: Layer, section: Section) -> Shape:
    """The shape of what is multiplied or added along some axes."""
    axis, several = layer.axis(section.integer("axis", 1, -8)), section.integer("num_axes", 1, -1)
    return layer.x.shape[axis:] if several == -1 else layer.x.shape[axis : axis + several]


def scale(layer: Layer) -> list[Value]:
    """A product with coefficients that are learned, or with the second bottom; and a bias."""
    section = layer.section.section("scale_param")
    shape, bias = _coefficients(layer, section), section.flag("bias_term", False)
    section.check("filler bias_filler")
    factor = layer.input(1) if len(layer.inputs) > 1 else layer.param("weight", shape)
    out = layer.step("mul", [("self", layer.x), ("other", factor)], layer.x.shape, {}, POINTWISE)
    return [_plus(layer, out, layer.param("bias", factor.shape)) if bias else out]


def biased(layer: Layer) -> list[Value]:
    """A sum with coefficients that are learned, or with the second bottom."""
    section = layer.section.section("bias_param")
    shape = _coefficients(layer, section)
    section.check("filler")
    return [_plus(layer, layer.x, layer.input(1) if len(layer.inputs) > 1 else layer.param("bias", shape))]


def lrn(layer: Layer) -> list[Value]:
    """Across channels as torch computes it; within a channel an average over a window of maps."""
    section, x = layer.section.section("lrn_param"), layer.x
    size, region = section.integer("local_size", 5, 1), section.word("norm_region", ("ACROSS_CHANNELS", "WITHIN_CHANNEL"))
    section.check("alpha beta k engine")
    if size % 2 == 0:
        section.fail("local_size", f"expected an odd number, got {size}")
    if len(x.shape) != 4:
        layer.fail(f"expected maps N×C×H×W, got an input of {sizes(x.shape)}")
    if region == "ACROSS_CHANNELS":
        out = layer.output(x.shape)
        node = Node("LRN", 13, {"size": size}, [x], [out], [None], lambda shape: layer.make(tuple(shape), "op"))
        layer.steps += operator_steps(node)
        return [out]
    window = {"kernel_size": (size, size), "stride": (1, 1), "padding": (size // 2,) * 2, "ceil_mode": False}
    squared = layer.step("mul", [("self", x), ("other", x)], x.shape, {}, POINTWISE)
    last = layer.step("avg_pool2d", [("self", squared)], x.shape, window)
    for kind in ("mul", "add", "pow"):
        last = layer.step(kind, [("self", last)], x.shape, {}, POINTWISE)
    return [layer.step("mul", [("self", x), ("other", last)], x.shape, {}, POINTWISE)]


def mvn(layer: Layer) -> list[Value]:
    """Mean and variance of each map, or of the image, are set to 0 and 1."""
    if layer.section.section("mvn_param").flag("across_channels", False):
        return [layer.step("layer_norm", [("input", layer.x)], layer.x.shape, {"normalized_shape": layer.x.shape[1:]})]
    return [layer.step("instance_norm", [("input", layer.x)], layer.x.shape, {"use_input_stats": True})]


def normalize(layer: Layer) -> list[Value]:
    """Each position divided by the norm of its channels, or the image by its own, and multiplied by learned coefficients."""
    section, x = layer.section.section("norm_param"), layer.x
    everywhere, shared = section.flag("across_spatial", True), section.flag("channel_shared", True)
    dims = tuple(range(1, len(x.shape))) if everywhere else (1,)
    shape = tuple(1 if i in dims else n for i, n in enumerate(x.shape))
    norm = layer.step("linalg_vector_norm", [("self", x)], shape, {"dim": dims, "keepdim": True}, REDUCTION)
    out = layer.step("div", [("self", x), ("other", norm)], x.shape, {}, POINTWISE)
    weight = layer.param("weight", (1,) if shared else (x.shape[1],))
    return [layer.step("mul", [("self", out), ("other", weight)], x.shape, {}, POINTWISE)]


# Elementwise


def pointwise(kind: str) -> Callable[[Layer], list[Value]]:
    """The rule of a function of each element."""

    def rule(layer: Layer) -> list[Value]:
        return [layer.step(kind, [("self", layer.x)], layer.x.shape, {}, POINTWISE | _inplace(layer))]

    return rule


def _inplace(layer: Layer) -> frozenset[str]:
    return frozenset({"inplace"}) if layer.in_place else frozenset()


def relu(layer: Layer) -> list[Value]:
    """max(x, 0), or with a slope below 0."""
    section = layer.section.section("relu_param")
    slope = section.number("negative_slope", 0)
    section.check("engine")
    return pointwise("leaky_relu" if slope else "relu")(layer)


def prelu(layer: Layer) -> list[Value]:
    """A slope below 0 for each channel, or for all."""
    section, x = layer.section.section("prelu_param"), layer.x
    shared = section.flag("channel_shared", False)
    section.check("filler")
    weight = layer.param("weight", (1,) if shared else (x.shape[min(1, len(x.shape) - 1)],))
    return [layer.step("prelu", [("self", x), ("weight", weight)], x.shape, {}, POINTWISE)]


def power(layer: Layer) -> list[Value]:
    """(shift + scale · x) ^ power, without the parts that change nothing."""
    section, x = layer.section.section("power_param"), layer.x
    parts = (("mul", section.number("scale", 1), 1), ("add", section.number("shift", 0), 0), ("pow", section.number("power", 1), 1))
    section.check("")
    for kind, given, neutral in parts:
        if given != neutral:
            x = layer.step(kind, [("self", x)], x.shape, {"exponent" if kind == "pow" else "other": given}, POINTWISE)
    return [x]


def dropout(layer: Layer) -> list[Value]:
    """Does nothing in the phase TEST."""
    section = layer.section.section("dropout_param")
    attrs = {"p": section.number("dropout_ratio", 0.5), "train": layer.train}
    return [layer.step("dropout", [("input", layer.x)], layer.x.shape, attrs, _inplace(layer))]


def eltwise(layer: Layer) -> list[Value]:
    """Inputs of one shape are combined one after the other; for a sum, each may have a coefficient."""
    section = layer.section.section("eltwise_param")
    operation = section.word("operation", ("PROD", "SUM", "MAX")) if section.all("operation") else "SUM"
    weights = section.all("coeff")
    section.check("stable_prod_grad")
    for value in layer.inputs:
        if value.shape != layer.x.shape:
            layer.fail(f"expected bottoms of one shape, got {' and '.join(sizes(one.shape) for one in layer.inputs)}")
    layer.input(1)
    kind = {"PROD": "mul", "SUM": "add", "MAX": "maximum"}[operation]
    terms = list(layer.inputs)
    for i, weight in enumerate(weights[: len(terms)]):
        if weight not in {1, -1}:
            terms[i] = layer.step("mul", [("self", terms[i])], layer.x.shape, {"other": weight}, POINTWISE)
    out = terms[0]
    for term in terms[1:]:
        out = layer.step(kind, [("self", out), ("other", term)], layer.x.shape, {}, POINTWISE)
    return [out]
