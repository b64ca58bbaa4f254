"""What a user writes for an input or for a value, as every question takes it."""

from zoo.record.inputs import read, value_of

__all__ = ["read", "value_of"]
