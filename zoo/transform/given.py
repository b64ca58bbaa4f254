"""What the functions of this folder are given."""

from zoo.util.errors import ZooError


def require_module(function: str, model: object) -> None:
    """Raise `ZooError` if `model` is not a module: `function` changes it in place, so a name is of no use."""
    from torch import nn

    if isinstance(model, nn.Module):
        return
    advice = f"; zoo.create_model({model!r}) builds one" if isinstance(model, str) else ""
    raise ZooError(f"{function}: expected an nn.Module, got {type(model).__name__}{advice}")
