"""Maps of another size: interpolation, sampling along a grid, regions of interest."""

from zoo.ops.facts import FLOATING, each_output, every_input, forward_again, nothing
from zoo.ops.rule import OpRule, Shape, Values, factors
from zoo.receptive import sliding
from zoo.record.trace import Op

_BILINEAR, _TRILINEAR, _BICUBIC = 7, 15, 35
"""Operations for each element that is interpolated."""


@factors("elements", "operations each")
def grid_sample(op: Op) -> Values:
    """As the interpolation of that mode; nearest neighbours cost nothing."""
    linear = _TRILINEAR if len(op.inputs[0].shape) == 5 else _BILINEAR
    each = {0: linear, 1: 0, 2: _BICUBIC}[op.attrs["interpolation_mode"]]
    return op.output.numel, each


@factors("elements", "samples", "operations each")
def roi_align(op: Op) -> Values | None:
    """Bilinear samples and their mean; unknown if their number follows from the boxes' values."""
    ratio = op.attrs["sampling_ratio"]
    return (op.output.numel, ratio**2, _BILINEAR + 1) if ratio > 0 else None


@factors("points", "axes", "axes + 1")
def affine_grid(op: Op) -> Values:
    """A matrix of 2×3 (or 3×4) times a point with a one after it, for each point of the grid."""
    axes = op.output.shape[-1]
    return op.output.numel // axes, axes, axes + 1


def grid_sampler_shape(op: Op) -> Shape | None:
    """An image for each image, as large as the grid."""
    x, grid = op.inputs[:2]
    if len(x.shape) != 4 or len(grid.shape) != 4 or x.shape[0] != grid.shape[0] or grid.shape[-1] != 2:
        return None
    known = op.attrs["interpolation_mode"] in {0, 1, 2} and op.attrs["padding_mode"] in {0, 1, 2}
    typed = x.dtype == grid.dtype and x.dtype.startswith(FLOATING)
    return (*x.shape[:2], *grid.shape[1:3]) if typed and known and min(*x.shape, *grid.shape) > 0 else None


RULES = (
    OpRule(
        "upsample_nearest1d upsample_nearest2d upsample_nearest3d",
        macs=0,
        other_flops=0,
        receptive_field=sliding.interpolate,
        saved=nothing,
        whole=True,
    ),
    OpRule(
        "_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d",
        macs=0,
        other_flops=0,
        receptive_field=sliding.interpolate,
        whole=True,
    ),
    OpRule(
        "upsample_linear1d",
        macs=0,
        other_flops=each_output(3),
        receptive_field=sliding.interpolate,
        saved=nothing,
        whole=True,
    ),
    OpRule(
        "upsample_bilinear2d",
        macs=0,
        other_flops=each_output(_BILINEAR),
        receptive_field=sliding.interpolate,
        saved=nothing,
        whole=True,
    ),
    OpRule(
        "upsample_trilinear3d",
        macs=0,
        other_flops=each_output(_TRILINEAR),
        receptive_field=sliding.interpolate,
        saved=nothing,
        whole=True,
    ),
    OpRule(
        "upsample_bicubic2d",
        macs=0,
        other_flops=each_output(_BICUBIC),
        receptive_field=sliding.interpolate,
        saved=nothing,
        whole=True,
    ),
    OpRule("_upsample_bicubic2d_aa _upsample_bilinear2d_aa", macs=0, saved=nothing),
    OpRule("grid_sampler", shape=grid_sampler_shape, macs=0, other_flops=grid_sample, saved=every_input, whole=True),
    OpRule(
        "affine_grid_generator",
        macs=affine_grid,
        other_flops=0,
        layers=0,
        saved=nothing,
        backward_macs=forward_again(affine_grid),
    ),
    OpRule("torchvision::roi_align torchvision::ps_roi_align", macs=0, other_flops=roi_align),
    OpRule("torchvision::roi_pool torchvision::ps_roi_pool", macs=0),
)
