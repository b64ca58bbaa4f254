"""Softmax, reductions, losses and accuracies of Caffe."""

from zoo.graph_files.caffe.layer import Layer, Rule, Shape
from zoo.graph_files.node import POINTWISE, REDUCTION
from zoo.record.trace import Value


def softmax(kind: str) -> Rule:
    """The rule of a softmax along an axis."""

    def rule(layer: Layer) -> list[Value]:
        axis = layer.axis(layer.section.section("softmax_param").integer("axis", 1, -8))
        return [layer.step(kind, [("self", layer.x)], layer.x.shape, {"dim": axis})]

    return rule


def loss(kind: str) -> Rule:
    """One number. Its first bottom is what the network computes, and the others are what it should."""

    def rule(layer: Layer) -> list[Value]:
        given = [("self", layer.x), *(("target", value) for value in layer.inputs[1:])]
        return [layer.step(kind, given, ())]

    return rule


def softmax_loss(layer: Layer) -> list[Value]:
    """The log-likelihood of the labels; a second top has the probabilities."""
    axis = layer.axis(layer.section.section("softmax_param").integer("axis", 1, -8))
    shares = layer.step("log_softmax", [("self", layer.x)], layer.x.shape, {"dim": axis})
    targets = [("target", value) for value in layer.inputs[1:]]
    return [layer.step("nll_loss_nd", [("self", shares), *targets], ()), shares]


def accuracy(layer: Layer) -> list[Value]:
    """How often the greatest score is that of the label."""
    section = layer.section.section("accuracy_param")
    axis, best = layer.axis(section.integer("axis", 1, -8)), section.integer("top_k", 1, 1)
    shape = layer.x.shape
    if best > 1:
        found = layer.step("topk", [("self", layer.x)], (*shape[:axis], best, *shape[axis + 1 :]), {"k": best, "dim": axis})
    else:
        found = layer.step("argmax", [("self", layer.x)], (*shape[:axis], *shape[axis + 1 :]), {"dim": axis}, REDUCTION)
    labels = [("other", value) for value in layer.inputs[1:2]]
    hits = layer.step("eq", [("self", found), *labels], found.shape, {}, POINTWISE)
    return [layer.step("mean", [("self", hits)], (), {"dim": None}, REDUCTION)]


def argmax(layer: Layer) -> list[Value]:
    """The index of the greatest element, or of several."""
    section, shape = layer.section.section("argmax_param"), layer.x.shape
    best, pairs, given = section.integer("top_k", 1, 1), section.flag("out_max_val", False), section.all("axis")
    if given:
        axis = layer.axis(section.integer("axis", 1, -8))
        made: Shape = (*shape[:axis], best, *shape[axis + 1 :])
    else:
        axis, made = 1, (shape[0], 2 if pairs else 1, best)
    return [layer.step("argmax" if best == 1 else "topk", [("self", layer.x)], made, {"dim": axis, "keepdim": True}, REDUCTION)]


def reduction(layer: Layer) -> list[Value]:
    """All axes from one on."""
    section, x = layer.section.section("reduction_param"), layer.x
    given = section.all("operation")
    kind = given[-1] if given and given[-1] in {"ASUM", "SUMSQ", "MEAN", 2, 3, 4} else "SUM"
    axis = layer.axis(section.integer("axis", 0, -8))
    before = {"ASUM": "abs", 2: "abs", "SUMSQ": "square", 3: "square"}.get(kind)
    if before:
        x = layer.step(before, [("self", x)], x.shape, {}, POINTWISE)
    attrs = {"dim": tuple(range(axis, len(x.shape))), "keepdim": False}
    return [layer.step("mean" if kind in {"MEAN", 4} else "sum", [("self", x)], x.shape[:axis], attrs, REDUCTION)]
