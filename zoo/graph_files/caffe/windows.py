"""Convolutions, poolings, and other windows of Caffe. Sizes of pooling are rounded up, as Caffe does."""

from zoo.graph_files.caffe.layer import Layer, Section, Shape
from zoo.record.trace import Value
from zoo.util.text import sizes

_DEPTHWISE = frozenset({"ConvolutionDepthwise", "DepthwiseConvolution"})


def _each(section: Section, name: str, axes: int, default: int | None, least: int) -> Shape:
    """A size for each axis: from NAME_h and NAME_w, or from a field that is given once, or once for each axis."""
    stem = name.removesuffix("_size")
    sides = [f"{stem}_h", f"{stem}_w"]
    if axes == 2 and any(section.all(side) for side in sides):
        return tuple(section.integer(side, default or 0, least) for side in sides)
    found = section.integers(name, least)
    if not found and default is not None:
        return (default,) * axes
    if not found:
        section.fail(name, "expected an integer >= 1, got none")
    if len(found) not in {1, axes}:
        section.fail(name, f"expected one size or {axes}, got {len(found)}")
    return tuple(found) * (axes if len(found) == 1 else 1)


_CONVOLUTION = "weight_filler bias_filler engine force_nd_im2col kernel_h kernel_w stride_h stride_w pad_h pad_w"


def _window(layer: Layer, section: Section) -> tuple[Shape, Shape, Shape, Shape]:
    """Kernel, stride, padding and dilation by axis of the maps."""
    axes = len(layer.x.shape) - 2
    if axes not in {1, 2, 3}:
        layer.fail(f"expected maps, got an input of {sizes(layer.x.shape)}")
    if section.integer("axis", 1, -8) not in {1, 1 - len(layer.x.shape)}:
        section.fail("axis", "only 1, the channels, is supported")
    kernel = _each(section, "kernel_size", axes, None, 1)
    stride, dilation = _each(section, "stride", axes, 1, 1), _each(section, "dilation", axes, 1, 1)
    return kernel, stride, _each(section, "pad", axes, 0, 0), dilation


def _groups(layer: Layer, section: Section, channels: int, maps: int) -> int:
    groups = section.integer("group", 1, 1) if layer.type not in _DEPTHWISE else channels
    if channels % groups or maps % groups:
        section.fail("group", f"{channels} channels and {maps} maps do not divide into {groups} groups")
    return groups


def convolution(layer: Layer) -> list[Value]:
    """Every bottom is convolved with the same weights, and gives a top."""
    section = layer.section.section("convolution_param")
    kernel, stride, pad, dilation = _window(layer, section)
    maps, channels, bias = section.needed("num_output"), layer.x.shape[1], section.flag("bias_term", True)
    groups = _groups(layer, section, channels, maps)
    section.check(_CONVOLUTION)
    weights = [("weight", layer.param("weight", (maps, channels // groups, *kernel)))]
    weights += [("bias", layer.param("bias", (maps,)))] if bias else []
    attrs = {"stride": stride, "padding": pad, "dilation": dilation, "groups": groups}
    found = []
    for x in layer.inputs:
        out = []
        for n, k, s, p, d in zip(x.shape[2:], kernel, stride, pad, dilation, strict=True):
            room = n + 2 * p - d * (k - 1) - 1
            if room < 0:
                layer.fail(f"a window of {d * (k - 1) + 1} does not fit into {n} padded to {n + 2 * p}")
            out.append(room // s + 1)
        found.append(layer.step(f"conv{len(kernel)}d", [("input", x), *weights], (x.shape[0], maps, *out), attrs))
    return found


def deconvolution(layer: Layer) -> list[Value]:
    """A transposed convolution: stride · (n − 1) + window − 2 · padding elements come out."""
    section = layer.section.section("convolution_param")
    kernel, stride, pad, dilation = _window(layer, section)
    maps, channels, bias = section.needed("num_output"), layer.x.shape[1], section.flag("bias_term", True)
    groups = _groups(layer, section, channels, maps)
    section.check(_CONVOLUTION)
    weights = [("weight", layer.param("weight", (channels, maps // groups, *kernel)))]
    weights += [("bias", layer.param("bias", (maps,)))] if bias else []
    attrs = {"stride": stride, "padding": pad, "output_padding": (0,) * len(kernel), "groups": groups, "dilation": dilation}
    sides = zip(layer.x.shape[2:], kernel, stride, pad, dilation, strict=True)
    out = [s * (n - 1) + d * (k - 1) + 1 - 2 * p for n, k, s, p, d in sides]
    if min(out) < 1:
        layer.fail(f"its padding leaves nothing of {sizes(layer.x.shape)}")
    return [layer.step(f"conv_transpose{len(kernel)}d", [("input", layer.x), *weights], (layer.x.shape[0], maps, *out), attrs)]


def pooling(layer: Layer) -> list[Value]:
    """Output sizes are rounded up, so a last window may be cut off by the border; with padding, it must begin inside the image."""
    section, x = layer.section.section("pooling_param"), layer.x
    if len(x.shape) != 4:
        layer.fail(f"expected maps N×C×H×W, got an input of {sizes(x.shape)}")
    kind = section.word("pool", ("MAX", "AVE", "STOCHASTIC"))
    if section.flag("global_pooling", False):
        section.check("kernel_size pad stride engine")
        if kind == "STOCHASTIC":
            return [layer.step("caffe::StochasticPooling", [("self", x)], (*x.shape[:2], 1, 1))]
        name = "adaptive_max_pool2d" if kind == "MAX" else "adaptive_avg_pool2d"
        return [layer.step(name, [("self", x)], (*x.shape[:2], 1, 1), {"output_size": (1, 1)})]
    kernel, stride, pad = (_each(section, *how) for how in (("kernel_size", 2, None, 1), ("stride", 2, 1, 1), ("pad", 2, 0, 0)))
    ceil = section.word("round_mode", ("CEIL", "FLOOR")) == "CEIL" and section.flag("ceil_mode", True)
    section.check("engine kernel_h kernel_w stride_h stride_w pad_h pad_w")
    out = []
    for n, k, s, p in zip(x.shape[2:], kernel, stride, pad, strict=True):
        if p >= k:
            section.fail("pad", f"expected less than the window of {k}, got {p}")
        if n + 2 * p < k and not ceil:
            layer.fail(f"a window of {k} does not fit into {n} padded to {n + 2 * p}")
        size = max(-(-(n + 2 * p - k) // s) if ceil else (n + 2 * p - k) // s, 0) + 1
        out.append(size - 1 if any(pad) and (size - 1) * s >= n + p else size)
    attrs = {"kernel_size": kernel, "stride": stride, "padding": pad, "ceil_mode": ceil}
    name = {"MAX": "max_pool2d", "AVE": "avg_pool2d", "STOCHASTIC": "caffe::StochasticPooling"}[kind]
    attrs |= {"dilation": (1, 1)} if kind == "MAX" else {}
    shape = (*x.shape[:2], *out)
    pooled = layer.step(name, [("self", x)], shape, attrs)
    return [pooled, *(layer.output(shape) for _ in layer.tops[1:])]  # a second top is the mask of the maxima


def roi_pooling(layer: Layer) -> list[Value]:
    """Maps of one size for each region, the second bottom."""
    section, rois = layer.section.section("roi_pooling_param"), layer.input(1)
    shape = (rois.shape[0], layer.x.shape[1], section.needed("pooled_h"), section.needed("pooled_w"))
    return [layer.step("torchvision::roi_pool", [("input", layer.x), ("rois", rois)], shape)]
