"""Attention: queries meet keys, and weigh values."""

from math import prod

from zoo.ops.facts import FLOATING
from zoo.ops.rule import Needs, OpRule, Saved, Shape, Values, factors
from zoo.receptive import sums
from zoo.record.trace import Op

# Queries are N×heads×L×E, keys N×heads×S×E, values N×heads×S×E_v; the result is N×heads×L×E_v.


def _pairs(op: Op) -> tuple[int, int, int]:
    """Heads of all images, queries, keys. Where heads or images of queries, keys or values are one for all, the output has all."""
    *batch, queries = op.output.shape[:-1]
    return prod(batch), queries, op.inputs[1].shape[-2]


@factors("N·heads", "L", "S", "E + E_v")
def macs(op: Op) -> Values:
    """Queries with keys, then weights with values."""
    query, _, value = op.inputs[:3]
    return *_pairs(op), query.shape[-1] + value.shape[-1]


@factors("N·heads", "L", "S", "operations each")
def other_flops(op: Op) -> Values:
    """Scaling, and the softmax at 5 per score; a mask is one more addition."""
    return *_pairs(op), 6 + ("attn_mask" in op.roles)


def shape(op: Op) -> Shape | None:
    """The queries, as wide as the values; a mask spreads over all pairs of queries and keys."""
    query, key, value = op.inputs[:3]
    q, k, v = query.shape, key.shape, value.shape
    attrs = op.attrs
    if not query.dtype == key.dtype == value.dtype or not query.dtype.startswith(FLOATING):
        return None
    if not 3 <= len(q) == len(k) == len(v) or attrs.get("enable_gqa") or not 0 <= attrs.get("dropout_p", 0) < 1:
        return None
    if not q[:-2] == k[:-2] == v[:-2] or k[-2] != v[-2] or q[-1] != k[-1] or min(*q, *k, *v) < 1:
        return None
    mask = op.input("attn_mask")
    if mask is not None:
        scores = (*q[:-1], k[-2])
        wide = all(m in {1, n} for m, n in zip(reversed(mask.shape), reversed(scores), strict=False))
        if attrs.get("is_causal") or mask.dtype not in {"bool", query.dtype} or not 2 <= len(mask.shape) <= len(scores) or not wide:
            return None
    return (*q[:-1], v[-1])


def saved(op: Op, needed: Needs) -> Saved:
    """Queries, keys, values, mask and result, and the logarithm of each query's sum; a mask of truth values as one of numbers."""
    query, mask = op.inputs[0], op.input("attn_mask")
    logarithms = 4 * prod(op.output.shape[:-1])
    if mask is None:
        return (*op.inputs[:3], op.output), logarithms
    if mask.dtype == "bool":
        return (*op.inputs[:3], op.output), logarithms + mask.numel * query.nbytes // query.numel
    return (*op.inputs[:4], op.output), logarithms


def backward_macs(op: Op, needed: Needs) -> int:
    """Gradients of scores and of values, each L·S·E_v; of queries and of keys, each L·S·E. No score is computed again."""
    query, _, value = op.inputs[:3]
    scores, width, width_v = prod(_pairs(op)), query.shape[-1], value.shape[-1]
    of_query, of_key, of_value = needed[:3]
    through_scores = scores * width_v if of_query or of_key else 0
    return through_scores + of_value * scores * width_v + (of_query + of_key) * scores * width


RULES = (
    OpRule(
        "scaled_dot_product_attention",
        shape=shape,
        macs=macs,
        other_flops=other_flops,
        receptive_field=sums.attention,
        layers=0,
        saved=saved,
        backward_macs=backward_macs,
        whole=True,
        any_layout=True,
    ),
)
