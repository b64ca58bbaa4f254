"""Between dense and sparse layouts: indices and elements are put elsewhere, and nothing is multiplied."""

from zoo.ops.families.layout import moves
from zoo.ops.families.making import makes
from zoo.ops.rule import OpRule

RULES = (
    moves("_to_sparse _to_sparse_csr _to_sparse_csc _to_sparse_bsr _to_sparse_bsc _to_dense to_mkldnn"),
    moves("sparse_coo_tensor _sparse_coo_tensor_unsafe _sparse_coo_tensor_with_dims _sparse_coo_tensor_with_dims_and_tensors"),
    moves("sparse_compressed_tensor _sparse_compressed_tensor_unsafe _sparse_compressed_tensor_with_dims"),
    moves("sparse_mask sparse_resize sparse_resize_and_clear resize_as_sparse copy_sparse_to_sparse _coalesced"),
    makes("is_coalesced dense_dim sparse_dim _nnz _dimI _dimV"),
    makes("_validate_sparse_coo_tensor_args _validate_sparse_compressed_tensor_args _validate_compressed_sparse_indices"),
    OpRule("_coalesce _convert_indices_from_coo_to_csr _convert_indices_from_csr_to_coo", macs=0),  # they sort and count
)
