"""A catalogue of landmark CNN architectures, faithful to their papers, and an exact analyzer for any PyTorch model.

    zoo.list_models("vgg*")                     names, in order of year
    zoo.card("alexnet")                         its card: paper, numbers, deviations, errata, with their sources
    zoo.create_model("alexnet", num_classes=7)  a new model
    zoo.summary("alexnet")                      its table: shapes, parameters, MACs, FLOPs, receptive fields
    zoo.stages("alexnet")                       its stages: layer, channels, size, stride, receptive field
    zoo.receptive_field("alexnet", "pool5")     the exact window of one unit
    zoo.explain("alexnet", "conv1")             how the numbers of a layer are computed
    zoo.layer((3, 32, 32), "conv 10 5x5")       a layer that is only described: its shape, cost, connections
    zoo.pattern("vgg16")                        [[CONV - RELU]*N - POOL]*M - [FC - RELU]*K: N, M, K, and where it differs
    zoo.features("alexnet", ["stage2"])         a network that returns named feature maps
    zoo.parameters("alexnet")                   its modules and parameters, without a forward pass
    zoo.lint("alexnet")                         what is wrong or wasteful, with evidence
    zoo.report("alexnet")                       all of it on one HTML page, for one model or two
    zoo.site("zoo-site")                        the catalogue as a static site
    zoo.survey("torchvision:*")                 many models, one row each
    zoo.sweep("vgg16", input="3x{64,96}x...")   one model at many sizes
    zoo.compare("fc-vs-gap")                    run a study; or compare two or more models side by side
    zoo.diff("resnet18", "resnet34")            what a second model adds, removes and changes, layer by layer
    zoo.draw("alexnet")                         the architecture as papers draw it: SVG, PDF, PNG, TikZ
    zoo.plot("growth", "vgg16")                 a drawing of one network or of several: costs, memory, receptive fields
    zoo.picture("kernel", stride=2)             a drawing of lectures, with computed numbers
    zoo.verify("alexnet")                       cross-check the numbers against independent sources
    zoo.measure(zoo.trace("alexnet"))           `zoo.summary` in two steps
    zoo.export("alexnet", "alexnet.onnx")       a file for other programs

Questions take a name of the catalogue, another TARGET ("torchvision:resnet50", "file.py:Net") or an `nn.Module`, and the same
keywords for its input and options: see `zoo.trace`. torch is imported when a model is built or traced, not before.
"""

from typing import TYPE_CHECKING

from zoo.util.lazy import lazy
from zoo.util.version import __version__

if TYPE_CHECKING:
    from zoo.analysis.measure import measure
    from zoo.analysis.stages import Stage
    from zoo.catalogue.card import Card, arch
    from zoo.catalogue.create import create_model
    from zoo.catalogue.entries import card, list_models
    from zoo.catalogue.twin import to_torchvision
    from zoo.extend import Input, Table, Trace, ZooError, register, trace
    from zoo.questions.budget import OverBudgetError, check_budget
    from zoo.questions.compare import compare
    from zoo.questions.diff import diff
    from zoo.questions.draw import draw
    from zoo.questions.explain import explain
    from zoo.questions.layer import layer
    from zoo.questions.lint import Lint, lint
    from zoo.questions.parameters import parameters
    from zoo.questions.pattern import pattern
    from zoo.questions.picture import picture
    from zoo.questions.plot import plot
    from zoo.questions.report import Report, report
    from zoo.questions.rf import ReceptiveField, receptive_field
    from zoo.questions.site import site
    from zoo.questions.stages import stages
    from zoo.questions.summary import summary
    from zoo.questions.survey import survey
    from zoo.questions.sweep import sweep
    from zoo.questions.verify import verify
    from zoo.transform.checkpointing import gradient_checkpointing
    from zoo.transform.export import export
    from zoo.transform.features import features
    from zoo.transform.heads import replace_head
    from zoo.transform.loading import load_weights
    from zoo.transform.pull import pull
    from zoo.transform.pulled import check_pulled
    from zoo.transform.tuning import freeze, parameter_groups, reset_classifier

__all__ = [
    "Card",
    "Input",
    "Lint",
    "OverBudgetError",
    "ReceptiveField",
    "Report",
    "Stage",
    "Table",
    "Trace",
    "ZooError",
    "__version__",
    "arch",
    "card",
    "check_budget",
    "check_pulled",
    "compare",
    "create_model",
    "diff",
    "draw",
    "explain",
    "export",
    "features",
    "freeze",
    "gradient_checkpointing",
    "layer",
    "lint",
    "list_models",
    "load_weights",
    "measure",
    "parameter_groups",
    "parameters",
    "pattern",
    "picture",
    "plot",
    "pull",
    "receptive_field",
    "register",
    "replace_head",
    "report",
    "reset_classifier",
    "site",
    "stages",
    "summary",
    "survey",
    "sweep",
    "to_torchvision",
    "trace",
    "verify",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "Card": "zoo.catalogue.card",
        "Input": "zoo.record.inputs",
        "Lint": "zoo.questions.lint",
        "OverBudgetError": "zoo.questions.budget",
        "ReceptiveField": "zoo.questions.rf",
        "Report": "zoo.questions.report",
        "Stage": "zoo.analysis.stages",
        "Table": "zoo.tables.table",
        "Trace": "zoo.record.trace",
        "ZooError": "zoo.util.errors",
        "arch": "zoo.catalogue.card",
        "card": "zoo.catalogue.entries",
        "check_budget": "zoo.questions.budget",
        "check_pulled": "zoo.transform.pulled",
        "compare": "zoo.questions.compare",
        "create_model": "zoo.catalogue.create",
        "diff": "zoo.questions.diff",
        "draw": "zoo.questions.draw",
        "explain": "zoo.questions.explain",
        "export": "zoo.transform.export",
        "features": "zoo.transform.features",
        "freeze": "zoo.transform.tuning",
        "gradient_checkpointing": "zoo.transform.checkpointing",
        "layer": "zoo.questions.layer",
        "lint": "zoo.questions.lint",
        "list_models": "zoo.catalogue.entries",
        "load_weights": "zoo.transform.loading",
        "measure": "zoo.analysis.measure",
        "parameter_groups": "zoo.transform.tuning",
        "parameters": "zoo.questions.parameters",
        "pattern": "zoo.questions.pattern",
        "picture": "zoo.questions.picture",
        "plot": "zoo.questions.plot",
        "pull": "zoo.transform.pull",
        "receptive_field": "zoo.questions.rf",
        "register": "zoo.extend",
        "replace_head": "zoo.transform.heads",
        "reset_classifier": "zoo.transform.tuning",
        "report": "zoo.questions.report",
        "site": "zoo.questions.site",
        "stages": "zoo.questions.stages",
        "summary": "zoo.questions.summary",
        "survey": "zoo.questions.survey",
        "sweep": "zoo.questions.sweep",
        "to_torchvision": "zoo.catalogue.twin",
        "trace": "zoo.models.forward",
        "verify": "zoo.questions.verify",
    },
)
