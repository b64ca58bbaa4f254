"""Nested tuples, lists and dicts of tensors, taken apart and put together: torch's own functions, which it keeps private."""

from torch.utils._pytree import tree_flatten, tree_leaves, tree_map_only, tree_unflatten

__all__ = ["tree_flatten", "tree_leaves", "tree_map_only", "tree_unflatten"]
