"""Bias elements: parameters with one dimension that a convolution or linear layer adds."""

from zoo.extend import Column, Op, Sum, factors


@factors("biases")
def biases(op: Op) -> tuple[int]:
    """Elements of the bias, if the op has one."""
    bias = op.input("bias")
    return (bias.numel if bias is not None else 0,)


COLUMN = Sum(Column("biases", "elements", "biases of convolutions and linear layers", order=14, on_request=True), biases)
