"""The window that an op slides over its input, axis by axis: a convolution's kernel, a pooling's window."""

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.ops.working import Line
from zoo.receptive.sliding import paddings
from zoo.record.trace import Op, each_axis

NAMES = {1: ("width",), 2: ("height", "width"), 3: ("depth", "height", "width")}
LINES = {"width": "column", "height": "row", "depth": "slice"}
"""What one index along an axis is called."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The window along one axis: `n` elements become `out`. `before` and `after` are the padding. With `ceil`, sizes round up."""

    name: str
    n: int
    out: int
    kernel: int
    stride: int
    before: int
    after: int
    dilation: int = 1
    ceil: bool = False

    @property
    def reach(self) -> int:
        """Elements from the first to the last that one window covers.

        >>> Axis("width", 7, 3, kernel=3, stride=1, before=0, after=0, dilation=2).reach
        5
        """
        return self.dilation * (self.kernel - 1) + 1

    @property
    def named(self) -> str:
        """valid, same or full, where the padding is one of these; else nothing.

        valid: none. same: the output is as large as the input, or with a stride s as ceil(n / s). full: wherever they overlap.

        >>> Axis("width", 28, 28, 5, 1, 2, 2).named, Axis("width", 224, 55, 11, 4, 2, 2).named
        ('same', '')
        """
        if self.before == self.after == 0:
            return "valid"
        if self.before + self.after <= self.reach - 1 and self.out == -(-self.n // self.stride):
            return "same"
        return "full" if self.before == self.after == self.reach - 1 else ""

    @property
    def rest(self) -> int:
        """Padded elements after the last window: 0 if windows fit exactly; negative if the last window reaches beyond.

        >>> Axis("width", 7, 2, kernel=3, stride=3, before=0, after=0).rest
        1
        """
        return self.n + self.before + self.after - ((self.out - 1) * self.stride + self.reach)

    @property
    def unseen(self) -> range:
        """The elements after the last window that no window sees, counted from 1.

        >>> Axis("width", 7, 2, kernel=3, stride=3, before=0, after=0).unseen
        range(7, 8)
        """
        return range((self.out - 1) * self.stride - self.before + self.reach + 1, self.n + 1)

    def fit(self) -> str:
        """In words how windows fit, if they do not fit exactly."""
        what = LINES.get(self.name, "element")
        if self.rest < 0:
            return f"does not fit exactly: rounded up, the last window reaches {-self.rest} beyond the border"
        if not self.rest:
            return ""
        if not self.unseen:
            return f"does not fit exactly: {self.rest} of the padding after the last {what} is not used"
        lost = f"{what} {self.unseen[0]}" if len(self.unseen) == 1 else f"{what}s {self.unseen[0]} to {self.unseen[-1]}"
        return f"does not fit exactly: no window sees {lost} of {self.n}"


def of_op(op: Op, kernel: Sequence[int], stride: Sequence[int]) -> tuple[Axis, ...]:
    """The window of an op with the usual arguments, whose output is known."""
    axes = len(kernel)
    dilation = each_axis(op.attrs.get("dilation", 1), axes)
    before, after = paddings(op.attrs.get("padding", 0), kernel, dilation)
    names = NAMES.get(axes, tuple(map(str, range(axes))))
    sizes = zip(op.inputs[0].shape[-axes:], op.output.shape[-axes:], strict=True)
    ceil = bool(op.attrs.get("ceil_mode"))
    found = zip(names, sizes, kernel, stride, before, after, dilation, strict=True)
    return tuple(Axis(name, n, out, k, s, p, q, d, ceil) for name, (n, out), k, s, p, q, d in found)


def size(axis: Axis, given: str | int | Sequence[int] | None = None) -> Line:
    """How large the output is along an axis. `given` is the padding as the layer was given it."""
    a = axis
    padded = "2*{p}" if a.before == a.after else "{p_before} + {p_after}"
    operands: dict[str, int | float] = {"n": a.n, "k": a.kernel, "s": a.stride}
    operands |= {"p": a.before} if a.before == a.after else {"p_before": a.before, "p_after": a.after}
    sources = {"n": "the input", "k": "the kernel", "s": "stride"}
    sources[next(iter(operands.keys() - {"n", "k", "s", "p_after"}))] = _padding_said(a, given)
    window = "{k}"
    if a.dilation != 1:
        window = "{d}*({k} - 1) - 1"
        operands["d"], sources["d"] = a.dilation, "dilation"
    rounding = "ceil" if a.ceil else "floor"
    formula = f"{rounding}(({{n}} + {padded} - {window}) / {{s}}) + 1"
    remark = ["ceil_mode rounds up"] if a.ceil else []
    if a.ceil and -(-(a.n + a.before + a.after - a.reach) // a.stride) + 1 > a.out:
        formula = f"min({formula}, ceil(({{n}} + {{p}}) / {{s}}))"
        remark.append("the last window must start inside the image or the padding before it")
    if fit := a.fit():
        remark.append(fit)
    return Line(a.name, formula, operands, a.out, sources, "; ".join(remark))


def _padding_said(axis: Axis, given: object) -> str:
    if isinstance(given, str):
        return f'padding="{given}"'
    default = ", the default" if axis.before == axis.after == 0 else ""
    return f"padding{default}, {axis.named}" if axis.named else f"padding{default}"
