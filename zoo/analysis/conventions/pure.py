"""The default: multiply-accumulates as in a textbook, and all other operations separately. See docs/conventions.md."""

from zoo.extend import Convention, by_op, macs
from zoo.ops.arithmetic import flops
from zoo.tables.notes import PURE

CONVENTION = Convention(PURE.name, PURE.says, by_op(macs), by_op(flops))
