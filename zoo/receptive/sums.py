"""Rules of the ops that sum, or take statistics, over whole dimensions.

Read `spans` first: all rules here say which dimensions are summed over and leave the rest to `Span.together`. Start with `linear`
(channels of tokens: what the units see does not change) and `reduction` (here the mean over the columns of maps 1×16×4×4):

>>> from zoo.receptive.spans import start
>>> from zoo.record.trace import Value
>>> maps, means = Value(0, (1, 16, 4, 4), "float32", "input"), Value(1, (1, 16, 4), "float32", "op")
>>> rows, columns = reduction(Op("mean", 0, (maps,), ("self",), (means,), {"dim": (3,)}), [start(maps)])
>>> rows.walks, columns.windows
((Walk(dim=-1, inner=1, size=4),), Everything(seen=(0, 3), stride=Fraction(1, 1)))
"""

from collections.abc import Sequence

from zoo.receptive import taps
from zoo.receptive.join import join
from zoo.receptive.sliding import data
from zoo.receptive.spans import Field, Span, Spans
from zoo.receptive.taps import all_of
from zoo.receptive.windows import NoField
from zoo.record.trace import Op

_LARGEST = 2**20
"""Units times pixels of the largest table that attention makes: a thousand tokens."""


def together(field: Spans | None, *dims: int, keep: bool = False) -> Spans | None:
    """All units along some dimensions contribute to one unit, or to each if the dimensions are kept."""
    return None if field is None else tuple([span.together(dims, keep=keep) for span in field])


def linear(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Sums over the last dimension."""
    return together(data(fields), -1)


def matmul(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Sums over the last dimension of the first and the last but one of the second factor."""
    bias = fields[:1] if op.kind in {"addmm", "baddbmm"} else ()  # these take the bias first
    first, second = together(fields[len(bias)], -1), together(fields[len(bias) + 1], -2)
    if first is not None and second is not None and not first[0].exact:
        second = tuple([_of_query(query, key) for query, key in zip(first, second, strict=False)])
    return join(op.kind, [first, second, *bias], op.outputs[0].shape)


def _of_query(query: Span, key: Span) -> Span:
    """What a score of attention sees of the keys, if queries and keys move along the same axis.

    A score of query i and key j, at (i, j), sees both. It is followed as the query's: with all keys, as the sum over j will be.
    """
    return key.together((-1,)) if query.walks_along(-2) and key.walks_along(-1) else key


def grouped(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Each row sums over its last dimension, with the matrix of its group, whichever that is."""
    return together(data(fields), -1)


def attention(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Each query meets all keys and values, or, if attention is causal, those up to its own place."""
    query, key, value = fields[:3]  # each N×heads×tokens×features: all tokens of key and value go into every token of the query
    queries, keys = op.inputs[0].shape[-2], op.inputs[1].shape[-2]
    causal = op.attrs.get("is_causal") or op.attrs.get("causal_mask")
    met = so_far if causal and queries == keys else together
    return join(op.kind, [query, met(key, -2), met(value, -2)], op.outputs[0].shape)


def so_far(field: Spans | None, dim: int) -> Spans | None:
    """All units along a dimension up to a unit contribute to it. Raises `NoField` where a table of them would be too large."""
    if field is None:
        return None
    found = []
    for span in field:
        if span.walks_along(dim) and span.units * span.pixels > _LARGEST:
            raise NoField(taps.so_far(1).irregular)
        size = max([walk.inner * walk.size for walk in span.digits(dim)], default=1)
        found.append(span.along(dim, size, taps.so_far(size)))
    return tuple(found)


def recurrent(op: Op, fields: Sequence[Spans | None]) -> list[Field | None]:
    """Each step sees all steps before it, or all if another direction comes the other way; the last states see everything."""
    if "batch_sizes" in op.roles:
        raise NoField("the steps of packed sequences are interleaved")
    steps = -2 if op.attrs["batch_first"] or len(op.inputs[0].shape) == 2 else -3
    spans = together(data(fields), -1)
    last = together(spans, steps) or ()
    states = tuple([span.relabelled(lambda dim: dim + (steps > dim)) for span in last])
    outputs = together(spans, steps, keep=True) if op.attrs["bidirectional"] else so_far(spans, steps)
    return [outputs, *[states] * (len(op.outputs) - 1)]


def reduction(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """A sum, mean or maximum over some dimensions."""
    ndim, given = len(op.inputs[0].shape), op.attrs.get("dim")
    if given in (None, ()):
        given = range(ndim)
    elif isinstance(given, int):
        given = (given,)
    dims: list[int] = [dim % ndim - ndim for dim in given] if ndim else []
    if op.attrs.get("keepdim") or len(op.outputs[0].shape) == ndim:
        return tuple([_kept(span, dims, op.inputs[0].shape) for span in data(fields)])
    spans = together(data(fields), *dims) or ()

    def moved(dim: int) -> int:  # nearer to the end by as many as are gone after it
        return dim + sum(gone > dim for gone in dims)

    return tuple([span.relabelled(moved) for span in spans])


def _kept(span: Span, dims: Sequence[int], shape: Sequence[int]) -> Span:
    """Keep the one unit that remains of a dimension, so that units concatenated later do not see it."""
    if not span.exact:
        return span.together(dims)
    for dim in dims:
        span = span.along(dim, shape[dim], all_of(shape[dim]))
    return span


def softmax(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Every unit along the dimension contributes to each."""
    ndim = len(op.outputs[0].shape)
    return together(data(fields), op.attrs["dim"] % ndim - ndim, keep=True)


def layer_norm(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Statistics over the last dimensions."""
    return together(data(fields), *range(-len(op.attrs["normalized_shape"]), 0), keep=True)


def group_norm(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Statistics over all dimensions after the channels, and over groups of channels."""
    return together(data(fields), *range(1 - len(op.outputs[0].shape), 0), keep=True)


def instance_norm(op: Op, fields: Sequence[Spans | None]) -> Field | None:
    """Statistics over all dimensions after the channels."""
    return together(data(fields), *range(2 - len(op.outputs[0].shape), 0), keep=True)
