"""Dropout in front of a batch normalisation."""

from collections.abc import Iterator

from zoo.extend import ACTIVATIONS, CONVOLUTIONS, POOLINGS, Hit, Network, Op, Rule

_DROPOUTS = frozenset({"dropout", "feature_dropout", "alpha_dropout"})
_BETWEEN = ACTIVATIONS | CONVOLUTIONS | POOLINGS | {"linear", "flatten", "view", "reshape"}


def check(network: Network) -> Iterator[Hit]:
    """Dropouts whose result reaches a batch normalisation through at most linear layers, activations and poolings."""
    for op in network.of(_DROPOUTS):
        rate = op.attrs.get("p", 0)
        norm = _norm_after(network, op)
        if rate and norm is not None:
            ratio = 1 / (1 - rate)
            name = network.name(norm)
            what = f"dropout of {rate:g}: in training, the batch_norm after it meets up to {ratio:.3g} times the variance"
            yield Hit(op, what, {"p": rate, "norm": name, "variance_ratio": ratio})


def _norm_after(network: Network, op: Op) -> Op | None:
    after = network.only_reader(op)
    while after is not None and after.kind in _BETWEEN:
        after = network.only_reader(after)
    return after if after is not None and after.kind == "batch_norm" else None


RULE = Rule(
    name="dropout-before-norm",
    finds="dropout in front of a batch normalisation",
    why="Dropout raises the variance of its output in training and not in evaluation. The batch normalisation after it collects "
    "the variance of training and divides by it in evaluation, where it does not fit.",
    source="Li et al., Understanding the Disharmony between Dropout and Batch Normalization by Variance Shift, CVPR 2019, "
    "arXiv 1801.05134, abstract",
    remedy="Apply dropout after the last batch normalisation.",
    check=check,
)
