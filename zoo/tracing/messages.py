"""What torch's error messages mean, where torch has no class of errors for it. No other file reads their words."""


def needs_values(text: str) -> bool:
    """Whether a tensor without values was to be read."""
    return "meta tensor" in text or "unallocated storage" in text


def refuses_meta(text: str) -> bool:
    """Whether torch refused a tensor on the meta device, before it ran an op."""
    return any(words in text.lower() for words in ("set_data", "device meta", "meta device"))


def shape_depends_on_values(text: str) -> bool:
    """Whether the shape of an op's output depends on the values of its inputs."""
    return "data-dependent shape" in text


def lacks_shapes(text: str) -> bool:
    """Whether torch does not know which shapes a custom op returns."""
    return "fake impl" in text


def op_on_functions(text: str) -> str | None:
    """The name of an op on functions, such as cond, that cannot be recorded; None if it is something else."""
    return text.partition("HigherOrderOperator ")[2].partition(" ")[0] if "HigherOrderOperator" in text else None


def lacks_forward(text: str) -> bool:
    """Whether a module has no forward."""
    return 'missing the required "forward" function' in text


def needs_integers(text: str) -> bool:
    """Whether an index is of a floating-point type."""
    return "scalar types: Long" in text or "indices must be" in text or "must be long, int" in text


def fixes_batch(text: str) -> bool:
    """Whether `torch.export` found that a forward works for one batch size only."""
    return "Constraints violated" in text


def decides_by_values(text: str) -> bool:
    """Whether `torch.export` met a branch on the values of a tensor."""
    return "data-dependent" in text
