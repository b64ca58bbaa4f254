"""The default: multiply-accumulates as in a textbook, and all other operations separately. See docs/conventions.md."""

from zoo.extend import Convention, by_op, macs
from zoo.ops.arithmetic import flops

CONVENTION = Convention("pure", "1 MAC = 2 FLOPs, without biases, activations and pooling", by_op(macs), by_op(flops))
