"""New tensors, constant or random, and checks of tensors: nothing is computed of the network's input."""

from functools import partial

from zoo.ops.rule import OpRule
from zoo.receptive import layout
from zoo.record.trace import UNUSED

makes = partial(OpRule, macs=0, other_flops=0)
"""A record of ops that only make values or look at them."""

RULES = (
    makes("zeros_like ones_like full_like empty_like", receptive_field=layout.made, cuts_gradient=True),
    makes("new_zeros new_ones new_full fill zero", receptive_field=layout.made, cuts_gradient=True),
    makes("new_empty rand_like randn_like bernoulli normal uniform", cuts_gradient=True),
    makes("empty zeros ones full arange linspace eye scalar_tensor empty_strided _efficientzerotensor"),
    makes("empty_permuted new_empty_strided tril_indices triu_indices range logspace from_file"),
    makes("rand randn randint randint_like randperm exponential geometric cauchy log_normal random normal_functional"),
    makes("binomial _standard_gamma _sample_dirichlet _philox_normal _philox_uniform _philox_randint"),
    makes("hann_window hamming_window blackman_window bartlett_window kaiser_window"),
    makes("_assert_async _assert_scalar _assert_tensor_metadata _linalg_check_errors _local_scalar_dense is_same_size"),
    makes("is_pinned is_set_to _functional_assert_async _functional_assert_scalar _print _make_dep_token record_stream"),
    makes("_has_same_storage_numel torchvision::_cuda_version"),
    makes("profiler::_record_function_enter_new profiler::_record_function_exit"),
    makes("cond while_loop update_histogram search_histogram"),  # without tensors: a choice that is unknown
    makes(UNUSED),
)
