"""Elements picked by index or by rank: embeddings, indexing, gathering and scattering, sorting."""

from zoo.ops.facts import every_input, further_inputs, further_outputs, per_input
from zoo.ops.rule import OpRule, Shape, Values, factors
from zoo.receptive import layout
from zoo.record.trace import Op


def index_shape(op: Op) -> Shape | None:
    """One list of integers along one dimension."""
    pattern, x = op.attrs.get("indices", ("tensor",)), op.inputs[0]
    if len(op.inputs) != 2 or len(pattern) > len(x.shape):
        return None
    picked, dim = op.inputs[1], pattern.index("tensor")
    fits = len(picked.shape) == 1 and picked.dtype == "int64" and x.shape[dim] > 0
    return (*x.shape[:dim], picked.shape[0], *x.shape[dim + 1 :]) if fits else None


@factors("rows", "features", "operations each")
def embedding_bag(op: Op) -> Values:
    """Sum, mean or maximum over the rows looked up, 1 per element read; 1 more with weights for them."""
    table, indices = op.inputs[:2]
    each = 2 if "per_sample_weights" in op.roles else 1
    return indices.numel, table.shape[-1], each


@factors("elements added in", "accumulated")
def summed_in(op: Op) -> Values:
    """An addition for each element that is added in; none where elements are only put."""
    source = op.input("values") if op.kind == "index_put" else op.input("src") or op.input("source")
    if source is None:
        return 0, False
    return source.numel, bool(op.attrs.get("accumulate", True))


RULES = (
    OpRule("embedding", macs=0, other_flops=0, receptive_field=layout.embedding, saved=further_inputs, picks=True, whole=True),
    OpRule("index", shape=index_shape, macs=0, other_flops=0, receptive_field=layout.index, saved=further_inputs, picks=True),
    OpRule("index_select", macs=0, other_flops=0, receptive_field=layout.index, saved=further_inputs, picks=True),
    OpRule("gather", macs=0, other_flops=0, saved=every_input, picks=True),
    OpRule("_unsafe_index take put index_copy index_fill scatter masked_scatter", macs=0, other_flops=0),
    OpRule("index_put index_add scatter_add scatter_reduce", macs=0, other_flops=summed_in),
    OpRule("_embedding_bag _embedding_bag_forward_only", macs=0, other_flops=embedding_bag),
    OpRule("sort topk", macs=0, saved=further_outputs),
    OpRule("argsort multinomial searchsorted bucketize nonzero nonzero_static isin index_reduce torchvision::nms", macs=0),
    OpRule("_unsafe_masked_index _unsafe_index_put _index_put_impl _unsafe_masked_index_put_accumulate", macs=0),
    OpRule("masked_select", macs=0, other_flops=0, saved=every_input),
    OpRule(
        "histc histogram _histogramdd_from_bin_cts _histogramdd_from_bin_tensors _histogramdd_bin_edges bincount",
        macs=0,
        other_flops=per_input,
    ),
    OpRule("_unique _unique2 unique_dim unique_dim_consecutive unique_consecutive", macs=0),
)
