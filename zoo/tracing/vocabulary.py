"""The words of a trace: which ops are kept whole, and what torch's schemas and tags say of each.

Under `torch.inference_mode()` composite ops arrive whole: `conv2d`, `linear`, `batch_norm`, `flatten`. Those whose record in the
rule book says so are kept whole, others are taken apart into the ops that torch makes of them, so that few words cover every model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from zoo.ops.book import rule_of_kind


@dataclass(frozen=True, slots=True)
class Known:
    """What the schema of an overload says, read once."""

    kind: str
    names: tuple[str, ...]
    defaults: Mapping[str, Any]
    traits: frozenset[str]
    writes: tuple[str, ...]
    composite: bool
    data_dependent: bool
    dynamic: bool  # the shape of the output depends on values

    @property
    def apart(self) -> bool:
        """Whether the op is taken apart: torch can, and the rule book does not keep it whole."""
        return self.composite and not rule_of_kind(self.kind).whole


@cache
def known_op(func: Any) -> Known:
    """What torch says of an overload."""
    schema, tags = func._schema, func.tags
    name = schema.name.removeprefix("aten::")
    writes = tuple(a.name for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write)
    aliases = any(a.alias_info is not None and not a.alias_info.is_write for a in schema.arguments)
    kind = name[:-1] if writes and name.endswith("_") and not name.endswith("__") else name
    traits = {trait for trait in ("pointwise", "reduction") if getattr(torch.Tag, trait, None) in tags}
    traits |= {"inplace"} if writes else set()
    traits |= {"alias"} if aliases else set()
    traits |= {"random"} if torch.Tag.nondeterministic_seeded in tags else set()
    return Known(
        kind=kind,
        names=tuple(a.name for a in schema.arguments),
        defaults={a.name: plain(a.default_value) for a in schema.arguments if a.has_default_value()},
        traits=frozenset(traits),
        writes=writes,
        composite=func._can_decompose(),
        data_dependent=torch.Tag.data_dependent_output in tags,
        dynamic=torch.Tag.dynamic_output_shape in tags,
    )


def argument_of(known: Known, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The argument of that name, passed by position or by name."""
    position = known.names.index(name)
    return args[position] if position < len(args) else kwargs.get(name)


PLAIN = frozenset({type(None), bool, int, float, str})


def plain(value: Any) -> Any:
    """An op's argument as JSON-able data."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, list | tuple):
        return tuple([item if type(item) in PLAIN else plain(item) for item in value])
    return value if isinstance(value, bool | int | float | str) else str(value)
