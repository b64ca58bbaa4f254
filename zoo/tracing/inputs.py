"""What a forward is given, where a shape alone does not say it. Torch-free."""

from typing import Any, NamedTuple


class Input(NamedTuple):
    """One argument: a tensor of `sizes` (batch included), or where these are None the plain `value`.

    `dtype` is torch's name of a type ("int64", "bool"), None that of the model's weights; `name` is that of a keyword argument.
    """

    sizes: tuple[int, ...] | None
    dtype: str | None = None
    name: str | None = None
    value: Any = None
