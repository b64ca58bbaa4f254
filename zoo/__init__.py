"""A catalogue of landmark CNN architectures, faithful to their papers, and an exact analyzer for any PyTorch model.

    zoo.list_models("vgg*")                     names, in order of year
    zoo.card("alexnet")                         what is claimed of one: paper, numbers, deviations, errata
    zoo.create_model("alexnet", num_classes=7)  a new model
    zoo.summary("alexnet")                      its table: shapes, parameters, MACs, FLOPs, receptive fields
    zoo.stages("alexnet")                       its resolutions: layer, channels, size, stride, receptive field
    zoo.receptive_field("alexnet", "pool5")     the exact window of one unit
    zoo.features("alexnet", ["stage2"])         a network that gives named feature maps
    zoo.survey("torchvision:*")                 many models, one row each
    zoo.sweep("vgg16", inputs=[...])            one model at many sizes
    zoo.measure(zoo.trace(module, input=...))   the same in two halves, for any module
    zoo.export("alexnet", "alexnet.onnx")       a file for other programs

torch is imported when a model is built or traced, not before.
"""

from typing import TYPE_CHECKING

from zoo.catalogue import Card, arch, card, create_model, list_models
from zoo.errors import ZooError
from zoo.inputs import Input
from zoo.plugins import register
from zoo.record import Trace
from zoo.table import Table

if TYPE_CHECKING:
    from zoo.analysis.engine import measure
    from zoo.comparing import compare, diff
    from zoo.exporting import export
    from zoo.featuring import features
    from zoo.heads import replace_head
    from zoo.pulling import pull
    from zoo.receptive import ReceptiveField, receptive_field
    from zoo.staging import Stage, stages
    from zoo.summarize import summary
    from zoo.surveying import survey
    from zoo.sweeping import sweep
    from zoo.tracing import trace
    from zoo.verifying import verify
    from zoo.weights import to_torchvision

__version__ = "0.1.0"

__all__ = [
    "Card",
    "Input",
    "ReceptiveField",
    "Stage",
    "Table",
    "Trace",
    "ZooError",
    "arch",
    "card",
    "compare",
    "create_model",
    "diff",
    "export",
    "features",
    "list_models",
    "measure",
    "pull",
    "receptive_field",
    "register",
    "replace_head",
    "stages",
    "summary",
    "survey",
    "sweep",
    "to_torchvision",
    "trace",
    "verify",
]


_LAZY = {
    "ReceptiveField": "zoo.receptive",
    "Stage": "zoo.staging",
    "compare": "zoo.comparing",
    "diff": "zoo.comparing",
    "export": "zoo.exporting",
    "features": "zoo.featuring",
    "measure": "zoo.analysis.engine",
    "pull": "zoo.pulling",
    "receptive_field": "zoo.receptive",
    "replace_head": "zoo.heads",
    "stages": "zoo.staging",
    "summary": "zoo.summarize",
    "survey": "zoo.surveying",
    "sweep": "zoo.sweeping",
    "to_torchvision": "zoo.weights",
    "trace": "zoo.tracing",
    "verify": "zoo.verifying",
}


def __getattr__(name: str) -> object:
    """What analyses is imported when it is asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    from importlib import import_module

    globals()[name] = found = getattr(import_module(_LAZY[name]), name)
    return found
