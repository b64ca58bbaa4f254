"""acme::scaled_linear: a linear layer whose result is multiplied by a number."""

from zoo.extend import Op, OpRule, factors, rule_of_kind


@factors("rows", "in", "out")
def macs(op: Op) -> tuple[int, int, int]:
    """Rows N×in times a weight out×in."""
    out_features, in_features = op.inputs[1].shape
    return op.output.numel // out_features, in_features, out_features


@factors("elements")
def scaling(op: Op) -> tuple[int]:
    """One product for each element written."""
    return (op.output.numel,)


RULES = (
    OpRule(
        "acme::scaled_linear",
        macs=macs,
        other_flops=scaling,
        receptive_field=rule_of_kind("linear").receptive_field,
        layers=1,
        saved=rule_of_kind("linear").saved,
    ),
)
