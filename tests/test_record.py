"""What is asked of one op: how many axes it slides along, and whether another does the same."""

import pytest

from zoo.record.trace import Op, Value, spatial_axes

X = Value(0, (1, 3, 8, 8), "float32", "input")
Y = Value(1, (1, 3, 4, 4), "float32", "op")


def op(kind: str = "max_pool2d", role: str = "self", given: Value = X, made: Value = Y, **attrs: object) -> Op:
    return Op(kind, 0, (given,), (role,), (made,), attrs or {"kernel_size": (2, 2), "ceil_mode": False})


@pytest.mark.parametrize(
    ("kind", "axes"),
    [("conv1d", 1), ("conv_transpose3d", 3), ("adaptive_avg_pool2d", 2), ("max_pool3d_with_indices", 3), ("x::deform_conv2d", 2)],
)
def test_spatial_axes(kind: str, axes: int) -> None:
    """Kills a digit of the number of axes that is read at one place of the name only."""
    assert spatial_axes(kind) == axes


@pytest.mark.parametrize("kind", ["linear", "atan2", "log1p", "upsample"])
def test_no_spatial_axes(kind: str) -> None:
    """Kills any digit that passes for a number of axes."""
    with pytest.raises(ValueError, match=kind):
        spatial_axes(kind)


def test_same_op() -> None:
    """Kills a comparison that minds the order of arguments or the names of tensors, and one that overlooks a difference."""

    def same(one: Op, other: Op) -> bool:
        return one.signature(lambda v: (v.shape, v.dtype)) == other.signature(lambda v: (v.shape, v.dtype))

    assert same(op(), op(ceil_mode=False, kernel_size=(2, 2)))
    assert same(op(), op(given=X._replace(id=7)))
    for other in (op("avg_pool2d"), op(role="input"), op(kernel_size=(3, 3)), op(given=X._replace(dtype="float16"))):
        assert not same(op(), other)
    assert not same(op(), op(made=Y._replace(shape=(1, 3, 5, 5))))
    assert op().signature(lambda v: v.shape) == op(given=X._replace(dtype="float16")).signature(lambda v: v.shape)
