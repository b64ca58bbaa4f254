"""Exchange between processes: tensors are sent, gathered and summed, and nothing is multiplied by weights."""

from zoo.ops.rule import OpRule

_FUNCTIONAL = (
    "all_gather_into_tensor all_gather_into_tensor_coalesced all_gather_into_tensor_out all_reduce all_reduce_coalesced"
    " all_to_all_single broadcast reduce_scatter_tensor reduce_scatter_tensor_coalesced reduce_scatter_tensor_out wait_tensor"
    " wait_tensors batch_p2p_ops irecv isend _wrap_tensor_autograd"
)
_AUTOGRAD = "all_gather_into_tensor all_to_all_single reduce_scatter_tensor"
_IN_PLACE = (
    "_allgather_base _reduce_scatter_base allgather allgather_coalesced allgather_into_tensor_coalesced allreduce"
    " allreduce_coalesced alltoall alltoall_base broadcast gather gather_into_tensor monitored_barrier recv recv_any_source reduce"
    " reduce_scatter reduce_scatter_tensor_coalesced scatter"
)
_FSDP = "all_gather_copy_in chunk_cat chunk_cat_mixed_dtype copy split_with_sizes_copy record_grad_output_stream"


def _within(library: str, names: str) -> str:
    return " ".join(f"{library}::{name}" for name in names.split())


RULES = (
    OpRule(_within("_c10d_functional", _FUNCTIONAL), macs=0),
    OpRule(_within("_c10d_functional_autograd", _AUTOGRAD), macs=0),
    # Some schemas do not say that the op writes to its argument; the name then keeps its underscore in a trace.
    OpRule(" ".join(f"{name} {name}_" for name in _within("c10d", _IN_PLACE).split()), macs=0),
    OpRule(_within("c10d", "barrier send check_for_nan"), macs=0),
    OpRule(_within("fsdp", _FSDP), macs=0, other_flops=0),
)
