"""Pulling: networks by name with another head or start, as one file that needs torch alone, through torch.hub."""

import ast
import contextlib
import importlib.util
import inspect
import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import zoo
from zoo.catalogue.entries import entry
from zoo.record.trace import UNUSED
from zoo.tracing.skeleton import Skeleton
from zoo.transform.choices import fixed
from zoo.transform.excerpt import excerpt
from zoo.transform.pull import definitions
from zoo.transform.pulled import Pulled
from zoo_cli.main import run

ROOT = Path(__file__).parent.parent
NAMES = zoo.list_models()
SHORT = [name for name in NAMES if zoo.card(name).depth <= 200]  # a thousand layers show nothing that a hundred do not
# What the papers' last layers read, by arithmetic on their tables.
FEATURES = {
    4096: "alexnet alexnet_ungrouped alexnet_owt caffenet zfnet vgg_cnn_m vgg11 vgg11_lrn vgg13 vgg16 vgg16_c vgg19 "
    "vgg11_bn vgg13_bn vgg16_bn vgg19_bn",
    2048: "resnet50 resnet101 resnet152 resnet50_v1_5 resnet101_v1_5 resnet152_v1_5",
    1024: "googlenet googlenet_bn nin_imagenet",
    512: "resnet18 resnet34 resnet18_a resnet34_a resnet34_b resnet34_c plain18 plain34 levi_hassner",
    500: "lenet_caffe mlp_mnist",
    300: "text_cnn",
    192: "all_cnn_c nin_cifar10 lenet1",
    84: "lenet5 lenet5_modern",
    64: "resnet20 resnet32 resnet44 resnet56 resnet110 resnet1202 plain20 plain32 plain44 plain56 plain110",
    50: "stn_mnist",
    30: "lenet1989",
}


def refused(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of a command that is refused."""
    assert run(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


# As a library --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", zoo.list_models(family="fcn"))
def test_scores_that_cannot_be_left_out(name: str) -> None:
    """Kills features of a network whose scores are computed at several depths."""
    with pytest.raises(zoo.ZooError, match=f"{name} has no classifier that can be left out"):
        zoo.create_model(name, num_classes=0)


@pytest.mark.parametrize("name", [name for name in SHORT if zoo.card(name).classifier])
def test_features(name: str) -> None:
    """Kills a card that names another layer than the last one with state, keys that change, and features of the wrong width."""
    card = zoo.card(name)
    with Skeleton():
        whole, body = zoo.create_model(name), zoo.create_model(name, num_classes=0)
    trace = zoo.trace(whole, input=(2, *card.input))
    classes = {option.name: option.default for option in entry(name).options}["num_classes"]
    assert trace.outputs[0].shape == (2, classes)
    read = [param.name for op in trace.ops if op.kind != UNUSED for param in op.owns]
    assert read[-1].rpartition(".")[0] == card.classifier
    features = [width for width, names in FEATURES.items() if name in names.split()]
    assert zoo.trace(body, input=(2, *card.input)).outputs[0].shape == (2, *features) == (2, card.num_features)
    shapes = {key: tensor.shape for key, tensor in whole.state_dict().items() if not key.startswith(f"{card.classifier}.")}
    assert {key: tensor.shape for key, tensor in body.state_dict().items()} == shapes
    assert isinstance(body.get_submodule(card.classifier), nn.Identity)


def test_headless_is_the_same_network() -> None:
    """Kills a feature extractor that draws other weights from the same seed, and one that computes anything else."""
    torch.manual_seed(0)
    whole = zoo.create_model("resnet20").eval()
    torch.manual_seed(0)
    body = zoo.create_model("resnet20", head=None).eval()
    image = torch.randn(2, 3, 32, 32)
    assert torch.equal(whole.fc(body(image)), whole(image))


@pytest.mark.parametrize("name", ["lenet1989", "lenet5", "stn_mnist", "resnet20", "googlenet_bn"])
def test_init_none(name: str) -> None:
    """Kills a start that draws numbers, weights left on meta or shared, and buffers (codes, statistics) left to chance."""
    before = torch.get_rng_state()
    empty = zoo.create_model(name, init=None)
    assert torch.equal(torch.get_rng_state(), before)
    drawn = zoo.create_model(name)
    assert {key: t.shape for key, t in empty.state_dict().items()} == {key: t.shape for key, t in drawn.state_dict().items()}
    with torch.no_grad():
        for parameter in empty.parameters():
            assert parameter.requires_grad
            parameter.fill_(0.01)
    for key, buffer in drawn.named_buffers():
        assert torch.equal(empty.get_buffer(key), buffer), key
    assert empty(torch.zeros(2, *zoo.card(name).input)).isfinite().all()


@pytest.mark.parametrize("name", ["lenet5", "lenet1989", "stn_mnist", "resnet20", "all_cnn_c"])
def test_init_torch(name: str) -> None:
    """Kills the paper's start under torch's name: layers are uniform in ±1/sqrt(fan_in), weights and biases alike."""
    torch.manual_seed(0)
    net = zoo.create_model(name, init="torch")
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert layers
    for layer in layers:
        bound = layer.weight[0].numel() ** -0.5
        assert layer.weight.abs().max() <= bound * (1 + 1e-6)
        assert layer.weight.abs().mean().item() == pytest.approx(bound / 2, rel=5 / layer.weight.numel() ** 0.5)
        assert layer.bias is None or 0 < layer.bias.abs().max() <= bound * (1 + 1e-6)
    if name == "lenet5":
        assert set(net.OUTPUT.codes.flatten().tolist()) == {1.0, -1.0}
        assert net.S2.coefficient.abs().max() <= 2.4 / 4


def test_init_torch_is_torch() -> None:
    """Kills a start that only looks like torch's: from one seed it draws what torch draws for the same layers."""
    net = zoo.create_model("lenet_caffe", init="torch")
    torch.manual_seed(3)
    for layer in (net.conv1, net.conv2, net.ip1, net.ip2):
        layer.reset_parameters()
    expected = [parameter.clone() for parameter in net.parameters()]
    torch.manual_seed(3)
    fresh = nn.ModuleList([nn.Conv2d(1, 20, 5), nn.Conv2d(20, 50, 5), nn.Linear(800, 500), nn.Linear(500, 10)])
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(expected, fresh.parameters(), strict=True))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("alexnet", {"num_classes": -1}, "num_classes: expected an integer >= 1 (or 0 for features"),
        ("alexnet", {"init": "papper"}, "init: expected one of paper, torch, None"),
        ("alexnet", {"head": "gap"}, "head: expected one of paper, None"),
        ("alexnet", {"classes": 7}, "unknown option of alexnet 'classes'; did you mean num_classes"),
        ("alexnet", {"int": None}, "unknown option of alexnet 'int'; did you mean init"),
        ("googlenet", {"num_classes": 0, "aux_heads": True}, "googlenet: aux_heads=True computes scores of its own"),
    ],
)
def test_refused_options(name: str, options: dict[str, object], message: str) -> None:
    """Kills options that are ignored, and answers without a way out."""
    with pytest.raises(zoo.ZooError, match=re.escape(message)):
        zoo.create_model(name, **options)


def test_summary_without_head() -> None:
    """Kills an analyzer that refuses a feature extractor: VGG-16 without fc8 has 4,097,000 parameters less."""
    whole, body = zoo.summary("vgg16").total, zoo.summary("vgg16", options={"num_classes": 0}).total
    assert whole["params"] - body["params"] == 4_096_000 + 1_000
    assert zoo.summary("vgg16", options={"head": None}).total == body


# As one file ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pulled() -> dict[str, str]:
    return {name: zoo.pull(name) for name in NAMES}


@pytest.fixture(scope="module")
def folder(pulled: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pulled")
    for name, source in pulled.items():
        (place / f"{name}.py").write_text(source, encoding="utf-8")
    return place


# Weights stay on meta and initialisers do nothing: seconds less, and the count is the same.
BARE = """
import importlib.abc, runpy, sys
class Nothing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"zoo", "zoo_cli", "torchvision", "fvcore", "rich", "typer"}:
            raise ImportError(f"{name} is not installed")
sys.meta_path.insert(0, Nothing())
try:
    import zoo
except ImportError as error:
    print(error)
import torch
torch.set_default_device("meta")
for name in dir(torch.nn.init):
    if name.endswith("_") and not name.startswith("_"):
        setattr(torch.nn.init, name, lambda tensor, *args, **kwargs: tensor)
for path in sys.argv[1:]:
    runpy.run_path(path, run_name="__main__")
"""


def test_runs_without_zoo(pulled: dict[str, str], folder: Path) -> None:
    """Kills a file that imports zoo, lacks a definition, or miscounts: in a process that has torch and nothing of ours."""
    command = [sys.executable, "-I", "-c", BARE, *(str(folder / f"{name}.py") for name in pulled)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    counts = [f"{name}: {zoo.card(name).params:,} parameters" for name in pulled]
    assert done.stdout.splitlines() == ["zoo is not installed", *counts]


def loaded(source: str) -> ModuleType:
    module = ModuleType("pulled")
    exec(compile(source, "pulled.py", "exec"), vars(module))
    return module


@pytest.mark.parametrize("name", SHORT)
def test_same_network(name: str, pulled: dict[str, str]) -> None:
    """Kills a cut that changes what is computed: the same ops with the same arguments on the same parameters."""
    with Skeleton():
        mine, theirs = zoo.create_model(name), getattr(loaded(pulled[name]), name)()
    shape = (1, *zoo.card(name).input)
    assert zoo.trace(theirs, input=shape) == zoo.trace(mine, input=shape)


# In sizes that take milliseconds; benchmarks/pulled.py does it for all.
SAMPLE = {
    **{name: zoo.card(name).input for name in ("lenet1", "lenet1989", "lenet5", "lenet5_modern", "lenet_caffe", "stn_mnist")},
    **{name: zoo.card(name).input for name in ("alexnet", "levi_hassner", "googlenet")},
    **dict.fromkeys(("nin_cifar10", "all_cnn_c", "resnet20", "plain20"), (3, 16, 16)),
    **dict.fromkeys(("resnet18", "plain18", "resnet50", "resnet50_v1_5", "googlenet_bn"), (3, 64, 64)),
}


@pytest.mark.parametrize("name", SAMPLE)
def test_same_bits(name: str, pulled: dict[str, str]) -> None:
    """Kills any difference at all: one state dict, one image, the same bits."""
    mine = zoo.create_model(name, init=None).eval()
    with torch.no_grad():
        for parameter in mine.parameters():  # some weights, in a wink
            some = torch.randn(40_009) * ((2 / parameter[0].numel()) ** 0.5 if parameter.dim() > 1 else 0.3)
            parameter.copy_(some.repeat(parameter.numel() // len(some) + 1)[: parameter.numel()].view_as(parameter))
    with Skeleton():
        theirs: nn.Module = getattr(loaded(pulled[name]), name)().eval()
    theirs.load_state_dict(mine.state_dict(), assign=True)
    image = torch.randn(1, *SAMPLE[name])
    with torch.inference_mode():
        out: Tensor = mine(image)
        assert out.isfinite().all()
        assert out.any()
        assert torch.equal(theirs(image), out)


RULES = "A,B,C4,E,F,I,N,PIE,PT,RUF,SIM,TID,UP,W"


def is_content(folder: Path, width: int) -> None:
    """Fail if black or ruff would change a file of the folder."""
    relaxed = "RUF001,RUF002,RUF003,RUF005,A002,N812,SIM905"  # as in our own configuration
    for command in (
        ["ruff", "check", "--isolated", "--line-length", str(width), "--select", RULES, "--ignore", relaxed],
        ["ruff", "check", "--isolated"],
        ["ruff", "format", "--isolated", "--line-length", str(width), "--check"],
        ["black", "--config", os.devnull, "--line-length", str(width), "--check", "--quiet", "--diff"],
    ):
        done = subprocess.run([sys.executable, "-m", *command, str(folder)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_formatters_are_content(folder: Path) -> None:
    """Kills unused imports, imports out of order, lines too long, and lines that black or ruff would break elsewhere."""
    is_content(folder, 88)


@pytest.mark.slow
@pytest.mark.parametrize("width", [79, 100, 132])
def test_other_widths(width: int, tmp_path: Path) -> None:
    """Kills a line that is broken for one width only."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(zoo.pull(name, line_length=width), encoding="utf-8")
    is_content(tmp_path, width)


class Branches(ast.NodeTransformer):
    """Marks both sides of `A if B else C`, as `_seen(place, side)`."""

    def __init__(self) -> None:
        self.places: set[tuple[int, int]] = set()

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        for side in ("body", "orelse"):
            old = getattr(node, side)
            place = (old.lineno, old.col_offset)
            self.places.add(place)
            marked = ast.parse(f"(_seen.append({place!r}), None)[1] or 0", mode="eval").body
            assert isinstance(marked, ast.BoolOp)
            setattr(node, side, ast.copy_location(ast.BoolOp(ast.Or(), [marked.values[0], old]), old))
        return ast.fix_missing_locations(node)


def unused(source: str, name: str, input: tuple[int, ...]) -> list[str]:
    """What a pulled file has and does not use when its network is built and runs in both modes.

    Not asked for: errors that are raised, and the block that runs as a script.
    """
    tree, branches, seen = ast.parse(source), Branches(), list[tuple[int, int]]()
    statements = {
        node.lineno
        for top in tree.body
        if not isinstance(top, ast.If)
        for node in ast.walk(top)
        if isinstance(node, ast.stmt)
        and not isinstance(node, ast.Raise)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    }
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    found = []
    for function in functions:
        read = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        arguments = {one.arg for one in function.args.args + function.args.kwonlyargs} - {"self"}
        found += [f"argument {one} of {function.name}" for one in arguments - read]
    code = compile(branches.visit(ast.parse(source)), "pulled.py", "exec")
    lines: set[int] = set()

    def note(frame: Any, event: str, arg: object) -> Any:
        if frame.f_code.co_filename != "pulled.py":
            return None
        lines.add(frame.f_lineno)
        return note

    module, called = ModuleType("pulled"), set[str]()
    vars(module)["_seen"] = seen
    with Skeleton():
        sys.settrace(note)
        try:
            exec(code, vars(module))
            model = getattr(module, name)()
            for path, one in model.named_modules():
                one.register_forward_hook(lambda *_, path=path: called.add(path))
            for mode in (True, False):
                model.train(mode)(torch.empty(2, *input, device="meta"))
        finally:
            sys.settrace(None)
    found += [
        f"layer {path}"
        for path, one in model.named_modules()
        if path not in called and not isinstance(one, nn.ModuleDict | nn.Sequential)
    ]
    text = source.splitlines()
    found += [f"line {text[number - 1].strip()}" for number in sorted(statements - lines)]
    return found + [f"branch {text[line - 1].strip()}" for line, _ in sorted(branches.places - set(seen))]


TRIED = [name for name in NAMES if zoo.card(name).depth <= 22 or name in {"resnet34_b", "resnet34_c", "resnet50", "resnet50_v1_5"}]
"""Every class and function is in one of these; deeper networks repeat them."""


@pytest.mark.slow
@pytest.mark.parametrize("name", TRIED)
def test_nothing_unused(name: str, pulled: dict[str, str]) -> None:
    """Kills a function, argument, branch or layer that this network does not need."""
    assert unused(pulled[name], name, zoo.card(name).input) == []


CHOSEN = [("googlenet", {"aux_heads": True}), ("googlenet_bn", {"aux_heads": True}), ("alexnet", {"norm_per_gpu": True})]
CHOSEN += [(name, {"shortcut": option}) for name in ("resnet18", "resnet50") for option in "AC"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), CHOSEN)
def test_nothing_unused_of_choices(name: str, options: dict[str, object]) -> None:
    """Kills the choice that was not taken; a class with auxiliary heads has its own forward in place of that of its parent."""
    left = unused(zoo.pull(name, **options), name, zoo.card(name).input)
    assert left == (["line return self.to_logits(self.to_4d(self.to_4a(x)))"] if "aux_heads" in options else [])


WASTE = """
import torch
from torch import nn


def never() -> None:
    print()


class Net(nn.Module):
    def __init__(self, width: int, spare: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, width, 1)
        self.idle = nn.Identity() if width else nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > 2:
            x = x * 2
        return self.conv(x)


def net() -> Net:
    return Net(4)
"""


def test_unused_is_seen() -> None:
    """Kills a check that cannot fail."""
    expected = ["argument spare of __init__", "layer idle", "line print()", "line x = x * 2"]
    assert unused(WASTE, "net", (3, 4, 4)) == [*expected, "branch self.idle = nn.Identity() if width else nn.ReLU()"]


@pytest.mark.parametrize("name", NAMES)
def test_code_is_the_family_s(name: str, pulled: dict[str, str]) -> None:
    """Kills a class or function that is not that of the family's file, but for types that shrink."""
    family = (ROOT / f"{entry(name).module.replace('.', '/')}.py").read_text(encoding="utf-8")
    theirs, mine = (definitions(re.sub(r"type\[[^]]*\]", "type", source)) for source in (family, pulled[name]))
    assert {one for one in mine if one not in {name, "imports", "script"} and mine[one] != theirs.get(one)} == set()


@pytest.mark.parametrize(
    ("name", "definitions"),
    [
        ("lenet5_modern", "LeNet5Modern lenet5_modern"),
        ("alexnet", "lrn AlexNet alexnet"),
        ("alexnet_owt", "AlexNetOWT alexnet_owt"),
        ("vgg16", "D WIDTHS feature_layers VGG vgg16"),
        ("vgg11_lrn", "A WIDTHS lrn feature_layers with_lrn VGG vgg11_lrn"),
        ("resnet18", "Factory projection projected BasicBlock ResNet resnet18"),
        ("resnet50", "Factory projection projected Bottleneck ResNet resnet50"),
        ("resnet18_a", "Factory ZeroPadding padded BasicBlock ResNet resnet18_a"),
        ("plain18", "Factory ResNet PlainBlock PlainNet plain18"),
        ("googlenet", "Inception GoogLeNet googlenet"),
        ("googlenet_bn", "ConvolutionBN InceptionBN GoogLeNetBN googlenet_bn"),
        ("fcn16s", "BLOCKS Crop score upsample feature_layers initialise FCN16s fcn16s"),
    ],
)
def test_only_what_is_needed(name: str, definitions: str, pulled: dict[str, str]) -> None:
    """Kills the family's other networks, cards, and what only a type would name."""
    found = []
    for node in ast.parse(pulled[name]).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            found.append(ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target))
    assert found == definitions.split()


@pytest.mark.parametrize("name", NAMES)
def test_header(name: str, pulled: dict[str, str]) -> None:
    """Kills a file that does not say whose network it is, where it came from, under which licence, and what differs."""
    card, doc = zoo.card(name), " ".join((ast.get_docstring(ast.parse(pulled[name])) or "").split())
    for fact in (card.title, card.authors, card.paper, f"zoo {zoo.__version__}", card.doi or card.arxiv or card.url, card.licence):
        assert fact in doc
    assert all(" ".join(one.text.split()) in doc for one in card.deviations)
    assert not re.search(r"\bcards?\b", doc)
    notice = "".join(f"# {line}".rstrip() + "\n" for line in (ROOT / "LICENSE").read_text(encoding="utf-8").splitlines())
    assert pulled[name].endswith(notice)


def test_networks_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills our licence on somebody else's network, and a file whose network nobody has."""
    ours = entry("lenet_caffe")
    card = replace(ours.card, licence="Apache-2.0")
    monkeypatch.setattr("zoo.transform.pull.entry", lambda _: replace(ours, card=card, origin="plugin acme"))
    source = zoo.pull("lenet_caffe")
    assert "Licence  Apache-2.0\n" in source
    assert "(plugin acme)" in source
    assert "The zoo authors" not in source
    monkeypatch.setattr("zoo.transform.pull.entry", lambda _: replace(ours, module="no_such_module"))
    with pytest.raises(zoo.ZooError, match="cannot pull lenet_caffe: no_such_module has no readable source file"):
        zoo.pull("lenet_caffe")


MODULE = '''
"""A module."""

import math, os
from collections import OrderedDict, deque
from typing import Literal, TypeAlias

from zoo.extend import arch

# Kept, and so is this.
WIDTH = 3  # of it
DEAD = WIDTH

Kind: TypeAlias = type[Left | Right]
Other: TypeAlias = type[int] | type[str]


class Left:
    """Left."""


class Right:
    """Right."""


class Option:
    """Named in a type alone."""


def helper(kind: Left | Right, size: Literal[1, 2] = 1, more: Option | None = None) -> OrderedDict[str, int]:
    return OrderedDict(a=math.pi)


def dead(x: Right) -> deque[int]:
    return deque([os.getpid()])


@arch(
    title="Net",
    deviations=(str(DEAD),),
)
def net(width: int = WIDTH, name: Literal["a", "b"] = "a", *, rate: float = 0.5) -> OrderedDict[str, int]:
    """A net."""
    return helper(Left(), width)


@arch(title="Other")
def other() -> None:
    dead(Right())


if __name__ == "__main__":
    other()
'''
CUT = '''
import math
from collections import OrderedDict
from typing import Literal

# Kept, and so is this.
WIDTH = 3  # of it


class Left:
    """Left."""


class Option:
    """Named in a type alone."""


def helper(kind: Left, size: Literal[1, 2] = 1, more: Option | None = None) -> OrderedDict[str, int]:
    return OrderedDict(a=math.pi)


def net(width: int = 7, name: Literal["a", "b"] = "b", *, rate: float = 0.5) -> OrderedDict[str, int]:
    """A net."""
    return helper(Left(), width)
'''


def test_excerpt() -> None:
    """Kills comments lost, decorators kept, a needed type left out, a needless one kept, and defaults in the wrong place."""
    assert excerpt(MODULE, "net", {"width": 7, "name": "b"}) == CUT.lstrip()


def test_long_signatures_are_wrapped() -> None:
    """Kills a line that a formatter would break."""
    source = zoo.pull("googlenet_bn", num_classes=123456789, dropout=0.123456789)
    assert "def googlenet_bn(\n    num_classes: int = 123456789, in_channels: int = 3, dropout: float = 0.123456789\n)" in source


def test_excerpt_needs_zoo() -> None:
    """Kills a file that fails where zoo is not installed."""
    with pytest.raises(zoo.ZooError, match="cannot pull net: it needs entry from zoo"):
        excerpt("from zoo.catalogue.entries import entry\n\n\ndef net() -> None:\n    entry('x')\n", "net", {})


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("alexnet", {"num_classes": 7, "in_channels": 1, "dropout": 0.25}),
        ("resnet18", {"shortcut": "A"}),
        ("googlenet", {"aux_heads": True}),
        ("alexnet", {"norm_per_gpu": True, "num_classes": 3}),
        ("lenet5", {"num_classes": 3}),
    ],
)
def test_options_are_set(name: str, options: dict[str, object]) -> None:
    """Kills options that the file forgets or does not tell of, and choices that it leaves open."""
    source = zoo.pull(name, **options)
    builder = getattr(loaded(source), name)
    open_ones = {key: value for key, value in options.items() if key not in {"shortcut", "aux_heads", "norm_per_gpu"}}
    arguments = {key: parameter.default for key, parameter in inspect.signature(builder).parameters.items()}
    assert {key: default for key, default in arguments.items() if key in options} == open_ones
    with Skeleton():
        mine, theirs = zoo.create_model(name, **options), builder()
    assert {key: t.shape for key, t in theirs.state_dict().items()} == {key: t.shape for key, t in mine.state_dict().items()}
    for mode in (True, False):
        shape = (2, options.get("in_channels", zoo.card(name).input[0]), *zoo.card(name).input[1:])
        assert zoo.trace(theirs, input=shape, train=mode).ops == zoo.trace(mine, input=shape, train=mode).ops
    doc = " ".join((ast.get_docstring(ast.parse(source)) or "").split())
    assert all(f"--set {key}={str(value).lower() if value is True else value}" in doc for key, value in options.items())


CHOOSER = """
KINDS = {"a": left, "b": right}


def net(width: int = 3, kind: Literal["a", "b"] = "a", *, deep: bool = False, rate: float = 0.5) -> None:
    \"\"\"A net: of a kind.\"\"\"
    if not deep:
        make(KINDS[kind])
    else:
        make(kind)
    if deep:
        # So be it.
        return deeper(width, 1 if deep else 2)
    return shallow(width, "x" if deep else "y")
"""


def test_choices_are_fixed() -> None:
    """Kills a branch that stays, one that goes with the other, and an argument that stays in the signature."""
    head = (
        'KINDS = {"a": left, "b": right}\n\n\ndef net(width: int = 3, *, rate: float = 0.5) -> None:\n    """A net: of a kind."""\n'
    )
    assert fixed(CHOOSER, "net", {"kind": "b", "deep": True}).strip() == head + '    make("b")\n    return deeper(width, 1)'
    assert fixed(CHOOSER, "net", {"kind": "b", "deep": False}).strip() == head + '    make(right)\n    return shallow(width, "y")'


# Against the catalogue -----------------------------------------------------------------------------------------------


def checked(source: str, tmp_path: Path) -> Pulled:
    path = tmp_path / "net.py"
    path.write_text(source, encoding="utf-8")
    return zoo.check_pulled(path)


def test_check_of_the_same(tmp_path: Path) -> None:
    """Kills a difference where there is none, also after a formatter, and options that are not read from the file."""
    for name, options in [("lenet5", {}), ("resnet18", {"shortcut": "A", "num_classes": 7, "line_length": 100, "builder": "body"})]:
        source = zoo.pull(name, **options)
        found = checked(source, tmp_path)
        assert (found.same, found.edited, found.diff) == (True, False, "")
        other = checked(source.replace("    x = ", "    x  =  ").replace("# N", "# of N"), tmp_path)
        assert other.same
        assert other.diff
        assert str(other).endswith("comments, docstrings or layout differ")


def test_check_of_an_edited_file(tmp_path: Path) -> None:
    """Kills an edit that is not seen, or that the catalogue is blamed for."""
    source = zoo.pull("resnet18")
    found = checked(source.replace("nn.ReLU(inplace=True)", "nn.SiLU()", 1) + "\n\ndef mine() -> None: ...\n", tmp_path)
    assert found.changes == {"BasicBlock": "changed", "mine": "only in the file"}
    assert found.edited
    assert "+        self.relu1 = nn.ReLU(inplace=True)" in found.diff
    assert "edited after it was pulled" in str(found)


def test_check_after_the_catalogue_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a user who is blamed for a change of ours, and a class that the catalogue no longer has."""
    source = zoo.pull("resnet18_a")
    family = (ROOT / "zoo" / "archs" / "resnet.py").read_text(encoding="utf-8")
    monkeypatch.setattr(
        "zoo.transform.pull._source", lambda _: family.replace("ZeroPadding", "Zeros").replace("stride=2", "stride=3")
    )
    now = checked(source, tmp_path)
    assert "differs from resnet18_a" in str(now)
    assert now.edited is False
    assert now.changes == {
        "Zeros": "only in the catalogue",
        "padded": "changed",
        "ResNet": "changed",
        "ZeroPadding": "only in the file",
    }
    assert "zoo pull --force replaces the file" in str(now)
    assert checked(re.sub("(?m)^Code .*\n", "", source), tmp_path).edited is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", "expected a file that zoo pull wrote"),
        ("x = ", "expected a Python file"),
        ('"""\nSource   zoo 1, a.py, by: zoo pull lenet9\n"""', "unknown model 'lenet9'"),
        ('"""\nSource   zoo 1, a.py, by: zoo pull lenet5 --odd\n"""', "cannot read its command"),
        ('"""\nSource   zoo 1, a.py, by: zoo pull lenet5 --set widht=3\n"""', "unknown option of lenet5 'widht'"),
    ],
)
def test_files_that_cannot_be_checked(text: str, words: str, tmp_path: Path) -> None:
    """Kills a traceback for a file that is none of ours."""
    with pytest.raises(zoo.ZooError, match=words):
        checked(text, tmp_path)


# Jobs of real projects -----------------------------------------------------------------------------------------------


LIGHT = [name for name in NAMES if zoo.card(name).params < 12e6 and zoo.card(name).depth <= 22]
"""Networks that are built and run in a moment; benchmarks/pulled.py does the jobs for all."""


@pytest.mark.slow
@pytest.mark.parametrize("name", LIGHT)
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:FutureWarning")
def test_jobs(name: str, folder: Path) -> None:
    """Kills a network that cannot be scripted, whose linear layers are not quantised, or that hides an activation in a layer."""
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with Skeleton():
        assert torch.jit.script(getattr(module, name)())
    model: nn.Module = getattr(module, name)().eval()
    assert all(
        type(one) in {nn.Conv2d, nn.Conv1d, nn.Linear, nn.ConvTranspose2d}
        for one in model.modules()
        if isinstance(one, nn.Conv1d | nn.Conv2d | nn.Linear)
    )
    # A tool that replaces every layer by its own keeps what the network computes.
    image = torch.randn(1, *zoo.card(name).input)
    with torch.inference_mode():
        before = model(image)
        for path, old in [(path, one) for path, one in model.named_modules() if type(one) is nn.Conv2d]:
            made = nn.Conv2d(old.in_channels, old.out_channels, old.kernel_size, old.stride, old.padding, old.dilation, old.groups)  # type: ignore[arg-type]
            made.weight, made.bias = old.weight, old.bias
            parent, _, last = path.rpartition(".")
            setattr(model.get_submodule(parent), last, made)
        assert torch.equal(model(image), before)


@pytest.mark.slow
def test_every_job(tmp_path: Path) -> None:
    """Kills a pulled network with which one of sixty jobs fails: DDP, autocast, ONNX, EMA, compilers, surgery, tools."""
    spec = importlib.util.spec_from_file_location("pulled_jobs", ROOT / "benchmarks" / "pulled_jobs.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    assert len(found.JOBS) > 60
    assert [failure for what in found.JOBS if (failure := found.tried("resnet20", what, tmp_path))] == []
    found.JOBS["wrong"] = lambda model, x: found.same(model, lambda images: model(images) + 1, x)
    assert "AssertionError" in found.tried("resnet20", "wrong", tmp_path)


@pytest.mark.parametrize("name", ["lenet1", "lenet1989", "lenet5", "googlenet", "googlenet_bn", "vgg16", "resnet20"])
def test_activations_are_seen(name: str) -> None:
    """Kills an activation that `print(model)` does not show."""
    with Skeleton():
        shown = str(zoo.create_model(name))
    assert "ScaledTanh()" in shown if name.startswith("lenet") else "ReLU(inplace=True)" in shown


# On the command line -------------------------------------------------------------------------------------------------


def test_folder_and_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a folder that is taken for a file, half of the files, and an exit code that CI cannot use."""
    monkeypatch.chdir(tmp_path)
    assert run(["pull", "LeNet-5", "lenet1", "-o", "nets/"]) == 0
    assert run(["pull", "lenet1989", "-o", "nets", "--name", "zip_codes"]) == 0
    files = sorted(Path("nets").iterdir())
    assert [path.name for path in files] == ["lenet1.py", "lenet5.py", "zip_codes.py"]
    assert "def zip_codes(" in files[2].read_text(encoding="utf-8")
    capsys.readouterr()
    assert "already exists" in refused("pull", "lenet1989", "lenet5", "-o", "nets", capsys=capsys)
    assert sorted(Path("nets").iterdir()) == files
    assert run(["pull", "--check", *map(str, files)]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("the code is that of") == 3
    files[0].write_text(files[0].read_text(encoding="utf-8").replace("2 / 3", "1 / 3"), encoding="utf-8")
    assert run(["pull", "--check", *map(str, files)]) == 1
    out, err = capsys.readouterr()
    assert "+        return 1.7159 * torch.tanh(x * (2 / 3))" in out
    assert "ScaledTanh changed; the file was edited" in err


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a file elsewhere, notes on standard output, and a file that is overwritten unasked."""
    monkeypatch.chdir(tmp_path)
    assert run(["pull", "LeNet-5"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("lenet5.py: LeNet-5, ")
    assert Path("lenet5.py").read_text(encoding="utf-8") == zoo.pull("lenet5")
    assert "lenet5.py already exists; use --force" in refused("pull", "lenet5", "--set", "num_classes=3", capsys=capsys)
    assert Path("lenet5.py").read_text(encoding="utf-8") == zoo.pull("lenet5")
    assert run(["pull", "lenet5", "-s", "num_classes=3", "--force"]) == 0
    assert Path("lenet5.py").read_text(encoding="utf-8") == zoo.pull("lenet5", num_classes=3)
    capsys.readouterr()
    assert run(["pull", "lenet5", "-o", "-"]) == 0
    assert capsys.readouterr() == (zoo.pull("lenet5"), "")
    assert [path.name for path in tmp_path.iterdir()] == ["lenet5.py"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("alexnot", "unknown model 'alexnot' & alexnet"),
        ("alexnet -o models/alexnet.py", "models/alexnet.py & No such file"),
        ("alexnet lenet5 --name net", "--name & one network & alexnet, lenet5"),
        ("alexnet lenet5 -o -", "--output - & one network"),
        ("alexnet lenet5 -o nets.py", "--output: expected a folder for several networks & nets.py"),
        ("alexnet --name nn", "--name & 'nn' & something else"),
        ("alexnet --name 3d", "'3d' & not a name of Python"),
        ("alexnet --name class", "'class' & keyword"),
        ("alexnet --line-length 60", "line_length: expected an integer from 79 to 132, got 60"),
        ("alexnet alexnot -o nets/", "unknown model 'alexnot'"),
        ("--check nothing.py", "nothing.py & No such file"),
        ("--check nothing.py --force", "--force does not apply"),
        ("alexnet --set clases=3", "unknown option of alexnet 'clases' & num_classes"),
        ("alexnet --set num_classes=-1", "num_classes: expected an integer >= 1 & got -1"),
        ("alexnet --set num_classes=0", "alexnet: pull does not support & model.fc8 = nn.Identity()"),
        ("alexnet --set init=torch", "alexnet: pull does not support & init"),
        ("lenet5 --set num_classes=11", "lenet5 & 11 & lenet5_modern"),
        ("resnet18 --set shortcut=D", "shortcut: expected one of A, B, C, got 'D'"),
    ],
)
def test_refused_pulls(
    arguments: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kills tracebacks, silence, and files half-written or left behind."""
    monkeypatch.chdir(tmp_path)
    line = refused("pull", *arguments.split(), capsys=capsys)
    assert all(word in line for word in words.split(" & ")), line
    assert list(tmp_path.iterdir()) == []


# Through torch.hub ---------------------------------------------------------------------------------------------------


def test_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills a network that torch.hub does not list or explain, helpers listed among them, and options that do not arrive."""
    monkeypatch.setattr(torch.hub, "_get_cache_or_reload", lambda *_, **__: str(ROOT))  # instead of a download
    assert sorted(torch.hub.list("owner/zoo")) == sorted(NAMES)
    net = torch.hub.load(str(ROOT), "resnet20", source="local", num_classes=7, in_channels=1)
    assert net.eval()(torch.zeros(1, 1, 32, 32)).shape == (1, 7)
    told = torch.hub.help("owner/zoo", "alexnet")
    assert zoo.card("alexnet").paper in told
    assert "dropout: float = 0.5" in told


# In the documents ----------------------------------------------------------------------------------------------------


def test_training_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kills an example that does not run as it stands, or does not learn: above 97% of unseen digits."""
    document = (ROOT / "docs" / "pulling.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    (example,) = [block for block in blocks if "from lenet5 import lenet5" in block]
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert run(["pull", "lenet5"]) == 0
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), torch.random.fork_rng():
        exec(compile(example, "pulling.md", "exec"), {"__name__": "example"})
    sys.modules.pop("lenet5")
    accuracy = re.fullmatch(r"accuracy ([\d.]+)%\n", printed.getvalue())
    assert accuracy
    assert float(accuracy[1]) > 97
