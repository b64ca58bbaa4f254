"""torch.utils.flop_counter.FlopCounterMode of torch 2.15, around a forward on the meta device.

It counts two for each multiply-accumulate of matrix products, convolutions and what torch makes such of: attention, recurrent
layers, linear layers. A product with a vector, bilinear forms and deformable convolutions have no formula there, and count nothing.

On other devices its figure may be lower: a fused kernel for attention or for a recurrent layer can be without a formula.
"""

from zoo.extend import Op, by_op, of_tool
from zoo.ops.arithmetic import MACS

_WITHOUT_FORMULA = frozenset("mv dot vdot addmv addbmm bilinear affine_grid_generator torchvision::deform_conv2d".split())


def products(op: Op) -> int:
    """As `pure`, where torch arrives at an op with a formula."""
    if op.kind not in MACS or op.kind in _WITHOUT_FORMULA:
        return 0
    if op.kind in {"matmul", "linear"} and len(op.inputs[1].shape) == 1:
        return 0  # torch makes mv or dot of it
    thrice = "conv" in op.kind and op.inputs[0].dtype.startswith("complex")  # by Gauss' trick of three real convolutions
    return MACS[op.kind](op) * (3 if thrice else 1)


CONVENTION = of_tool(
    "torch",
    "torch 2.15, FlopCounterMode on meta",
    "the FLOPs of torch's FlopCounterMode: 2 for each multiply-accumulate, nothing for all else",
    by_op(products),
)
