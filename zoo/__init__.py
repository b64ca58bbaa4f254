"""A catalogue of landmark CNN architectures, faithful to their papers, and an exact analyzer for any PyTorch model."""

from zoo.catalogue import Card, card, create_model, list_models
from zoo.errors import ZooError

__version__ = "0.1.0"

__all__ = ["Card", "ZooError", "card", "create_model", "list_models"]
