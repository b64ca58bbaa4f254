"""Bad input: one line on stderr that says what, where and what to do; exit code 2; nothing on stdout."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import zoo
from zoo.models.targets import resolve
from zoo_cli.main import run

Refused = Callable[..., str]

NETS = '''
import sys
import warnings

import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, num_classes)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


class Raises(nn.Module):
    def forward(self, x):
        raise RuntimeError("no such luck\\nand a second line")


class After(Net):
    def forward(self, x):
        raise ValueError(f"no such luck with {self.conv(x).shape[-1]} columns")


class Around(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.ReLU(), Raises())

    def forward(self, x):
        return self.body(x)


class If(Net):
    def forward(self, x):
        return x if self.conv(x).sum() > 0 else -x


class Item(Net):
    def forward(self, x):
        return x[: int(x.max().item())]


class Nonzero(Net):
    def forward(self, x):
        return self.conv(x)[x.nonzero()]


class Mask(Net):
    def forward(self, x):
        return x[x > 0]


class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.LazyConv2d(8, 3)


class Exits(Net):
    def __init__(self):
        sys.exit("gone")


class ForwardExits(Net):
    def forward(self, x):
        sys.exit(3)


class Explodes(nn.Module):
    def __init__(self):
        raise RuntimeError("cannot be\\nbuilt")


class NoForward(nn.Module):
    pass


class NoSuper(nn.Module):
    def __init__(self):
        self.conv = nn.Conv2d(3, 8, 3)


class Endless(nn.Module):
    def forward(self, x):
        return self.forward(x)


class Two(Net):
    def forward(self, x, y):
        return self.conv(x) + self.conv(y)


class Ninths(nn.Module):
    """Takes multiples of 9 alone."""

    def __init__(self):
        super().__init__()
        self.down = nn.MaxPool2d(3)

    def forward(self, x):
        half = self.down(x)
        return x + F.interpolate(half + F.interpolate(self.down(half), scale_factor=3), scale_factor=3)


class Plain:
    pass


class Namespace:
    Net = Net


def needs(width):
    return Net(width)


def three():
    return 3


def scripted():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(nn.Sequential(nn.Conv2d(3, 8, 3)))


ready = Net()
number = 5
net = lambda width: Net(width)
'''

BROKEN = {
    "syntax.py": "def (:\n",
    "missing.py": "import no_such_module_of_ours\n",
    "raises.py": "raise KeyError('half\\nway')\n",
    "exits.py": "import sys\nsys.exit(5)\n",
    "recursion.py": "def f():\n    f()\n\nf()\n",
    "empty.py": "",
    "relative.py": "from .sibling import Net\n",
    "notes.txt": "not Python\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    (folder / "bad_nets.py").write_text(NETS)
    (folder / "binary.py").write_bytes(b"\xff\xfe\x00\x01")
    (folder / "a folder.py").mkdir()
    (folder / "loop").symlink_to("loop")
    for name, content in BROKEN.items():
        (folder / name).write_text(content)
    return folder


@pytest.fixture
def refused(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs a command, in the folder of bad nets, that must be refused; the line on stderr."""
    monkeypatch.chdir(folder)

    def refused(*arguments: str) -> str:
        code = run(list(arguments))
        out, err = capsys.readouterr()
        assert (code, out) == (2, ""), err
        assert re.fullmatch(r"zoo: [^\n]+\n", err), err
        assert len(err) < 500, "an essay"
        assert "Traceback" not in err
        return err.rstrip("\n")

    return refused


def words(line: str) -> list[str]:
    """The parts of an expected message: what, where, what to do."""
    return [part.strip() for part in line.split(" & ")]


# What is refused -----------------------------------------------------------------------------------------------------

NAMES = """
summary alexnt                            unknown model 'alexnt' & did you mean alexnet
info resnet5                              unknown model 'resnet5' & resnet50
info zzzzzz                               unknown model 'zzzzzz' & zoo list
summary modèle                            unknown model 'modèle' & zoo list
list zzz                                  'zzz' & run zoo list to see all
list [z                                   '[z' & zoo list
list 日本語                                 '日本語' & zoo list
list !!!                                  '!!!' & zoo list
list vgg* --family resnet                 'vgg*' & resnet
list --family zzz                         unknown family 'zzz' & choose from alexnet, all_cnn, caffenet
summary torchvision:resnet_18             unknown torchvision model 'resnet_18' & resnet18
summary torchvision:nonesuch              unknown torchvision model 'nonesuch' & list_models()
nope                                      'nope' & zoo --help
--nope                                    --nope & zoo --help
list --nope                               --nope & zoo list --help
summary                                   TARGET & zoo summary --help
summary alexnet vgg16                     vgg16 & zoo summary --help
list a b                                  b & zoo list --help
"""

VALUES = """
summary alexnet --input 3x                '3x' & 3x224x224 & --input
summary alexnet --input 3,224,224         '3,224,224' & 3x224x224
summary alexnet --input 3x-1x5            '3x-1x5' & 3x224x224
summary alexnet --input 0x224x224         '0x224x224' & 3x224x224
summary alexnet --input 3x1.5x5           '3x1.5x5' & 3x224x224
summary alexnet --input ²x224x224         '²x224x224' & 3x224x224
summary alexnet --input 3x99999999999x99999999999   99999999999 & is not a shape
summary alexnet --input 3x99999999999999999999x9    99999999999999999999 & is not a shape
summary alexnet --batch 999999999999999   999999999999999 & is not a shape
summary alexnet --batch 0                 --batch & 1
summary alexnet --batch two               zoo: --batch: expected an integer, got 'two'
summary alexnet --max-params many         zoo: --max-params: expected a number such as 5G & got 'many'
summary                                   zoo: Missing argument 'TARGET' (see zoo summary --help)
layer axb conv 1 1                      zoo: CxHxW: expected channels and sizes & 'axb'
layer 3x32 conv 1 5x5                   kernel 5×5 & expected one size, since the input has 1 spatial axis
watch nothing_here.py:Net                 zoo: nothing_here.py: no such file
summary alexnet --depth -1                --depth & 0
summary alexnet --depth deep              --depth & integer
summary alexnet --columns wheels          unknown column 'wheels' & did you mean
summary alexnet --columns param           unknown column 'param' & did you mean params
summary alexnet --columns ,               --columns & params,macs,rf
summary alexnet --format xlsx             unknown format 'xlsx' & choose from csv, html, json, latex, markdown, text
info alexnet --format _cells              unknown format '_cells' & json
list --format=                            unknown format '' & json
summary alexnet --train=1                 --train & zoo summary --help
summary alexnet --set num_classes         'num_classes' & NAME=VALUE & --set
summary alexnet --set =3                  '=3' & NAME=VALUE
summary alexnet --set 1x=3                '1x=3' & NAME=VALUE
summary alexnet --set classes=3           unknown option of alexnet 'classes' & num_classes
summary googlenet --train --set num_classes=0              expected num_classes >= 1 & aux_heads
summary alexnet --set num_classes=-3      num_classes: expected an integer >= 1 & got -3
summary alexnet --set num_classes=ten     num_classes: expected an integer >= 1 & got 'ten'
summary alexnet --set num_classes=        num_classes: expected an integer >= 1 & got ''
summary alexnet --set num_classes=True    num_classes: expected an integer >= 1 & got True
summary alexnet --set num_classes=9999999999999999            alexnet & 9999999999999999
summary alexnet --set num_classes=99999999999999999999999     alexnet & size
summary alexnet --set dropout=nan         dropout & number
summary alexnet --set dropout=2.0         dropout & between 0 and 1
summary alexnet --set dropout=1e999       dropout & between 0 and 1
summary resnet18 --set shortcut=D         shortcut: expected one of A, B, C, got 'D'
summary googlenet --set aux_heads=3       aux_heads: expected true or false, got 3
summary lenet5 --set num_classes=11       lenet5 & 11 & lenet5_modern
summary torchvision:resnet18 --set nope=1            torchvision:resnet18 & nope
summary torchvision:resnet18 --set num_classes=-1    torchvision:resnet18 & -1
"""

TARGETS = """
summary bad_nets.py                       name the model after a colon & bad_nets.py:Net
summary bad_nets.py:                      'bad_nets.py:' & :attribute
summary bad_nets.py:Nett                  bad_nets.py & 'Nett' & did you mean Net
summary bad_nets.py:Namespace.Nope        'Nope' & Net
summary bad_nets.py:Net..forward          bad_nets.py & ''
summary empty.py:Net                      empty.py & 'Net'
summary nope.py:Net                       nope.py & no such file
summary a\xa0folder.py:Net                a folder.py & no such file
summary syntax.py:Net                     syntax.py & SyntaxError & line 1
summary missing.py:Net                    missing.py & ModuleNotFoundError & no_such_module_of_ours
summary raises.py:Net                     raises.py & KeyError & way
summary exits.py:Net                      exits.py & SystemExit & 5
summary recursion.py:Net                  recursion.py & RecursionError
summary binary.py:Net                     binary.py & null bytes
summary relative.py:Net                   relative.py & relative import
summary notes.txt:Net                     notes.txt & not import
summary no_such_package_of_ours:Net       no_such_package_of_ours & ModuleNotFoundError
summary a:b:c                             a:b & not import
summary ..:Net                            .. & not import
summary 日本語:Net                           日本語 & not import
summary json:dump_                        json & 'dump_' & dump
summary json:decoder                      json:decoder: expected a module & got module
summary bad_nets.py:number                bad_nets.py:number: expected a module & got int
summary bad_nets.py:three                 bad_nets.py:three: expected a torch.nn.Module, got int
summary bad_nets.py:Plain                 bad_nets.py:Plain: expected a torch.nn.Module, got Plain
summary bad_nets.py:needs                 bad_nets.py:needs & missing 1 required positional argument: 'width'
summary bad_nets.py:net                   bad_nets.py:net & 'width'
summary bad_nets.py:Net --set nope=1      bad_nets.py:Net & nope
summary bad_nets.py:ready --set a=1       bad_nets.py:ready is already an instance
summary bad_nets.py:Explodes              bad_nets.py:Explodes & RuntimeError: cannot be
summary bad_nets.py:Exits                 bad_nets.py:Exits & SystemExit: gone
summary bad_nets.py:NoSuper               bad_nets.py:NoSuper & Module.__init__()
summary bad_nets.py:Lazy                  conv.weight & not initialised & run the lazy module once
summary bad_nets.py:scripted              bad_nets.py:scripted & scripted & original module
summary torch.nn:Conv2d                   torch.nn:Conv2d & 'in_channels'
summary :                                 ':'
summary :Net                              ':Net'
summary torchvision:                      torchvision & model ''
"""

FORWARDS = """
summary bad_nets.py:Around                body.1 (Raises) & RuntimeError: no such luck
summary bad_nets.py:After -i 3x8x8        After & ValueError: no such luck with 6 columns
summary bad_nets.py:Two -i 3x8x8          Two & missing 1 required positional argument: 'y'
summary bad_nets.py:ForwardExits          ForwardExits & SystemExit
summary bad_nets.py:Endless               Endless & RecursionError
summary bad_nets.py:NoForward             NoForward & is missing the required "forward" function
summary bad_nets.py:If                    If & values of a tensor & --real (in Python real=True)
summary bad_nets.py:Item                  Item & values of a tensor & --real (in Python real=True)
summary bad_nets.py:Nonzero               Nonzero & nonzero & --real (in Python real=True)
summary bad_nets.py:Mask                  Mask & --real (in Python real=True)
summary bad_nets.py:Net -i 3x8x8 -i 3x8x8    Net & 3 were given
summary bad_nets.py:Net -i 3              conv (Conv2d) & 2 spatial axes
summary alexnet -i 1x227x227              conv1 (Conv2d) & takes 3 channels, got 1 & --set in_channels=1
summary lenet5 -i 3x32x32                 C1 & takes 1 channels, got 3 & --set in_channels=3
summary torchvision:vgg11 -i 4x224x224    features.0 (Conv2d) & takes 3 channels, got 4
summary alexnet -i 227x227                expected an input of N×3×227×227 & got 1×227×227
summary alexnet -i 1x3x227x227            conv1 (Conv2d) & 2 spatial axes & N×3×227×227
summary alexnet -i 3x20x20                pool2 (MaxPool2d) & 3×3 does not fit into maps of 1×1 & smallest & 3×227×227
summary alexnet -i 3x227x20               pool2 (MaxPool2d) & 3×3 does not fit into maps of 27×1 & 3×227×227
summary vgg16 -i 3x256x256                fc6 (Linear) & takes 25,088 features, got 32,768 & 3×224×224
summary resnet18 --train -i 3x32x32       conv5_x.0 & BatchNorm2d & more than 1 value per channel
"""

COMPARISONS = """
compare nope                              nope & run zoo compare & two or more models
compare alexnet                           alexnet & two or more models
compare alexnet vgg99                     unknown model 'vgg99' & vgg19
compare fc-vs-gap --set nope=3            fc-vs-gap & 'nope'
compare alexnet vgg16 --set nope=3        'nope'
compare alexnet vgg16 --run               --run & zoo compare --help
compare alexnet vgg16 -i 3x20x20          alexnet & pool2 & 3×227×227
compare alexnet bad_nets.py:Exits         bad_nets.py:Exits & SystemExit: gone
diff alexnet                              TARGET & zoo diff --help
diff alexnet vgg99                        unknown model 'vgg99' & vgg19
diff alexnet vgg16 -i 3x                  '3x' & 3x224x224
"""

OUTPUTS = """
list -o nowhere/out.json                  nowhere/out.json & No such file or directory
list -o bad_nets.py/out.json              bad_nets.py/out.json & Not a directory
list -o .                                 folder
list -o loop                              loop & symbolic link
summary lenet5 -o nowhere/out.json        nowhere/out.json & No such file or directory
"""


@pytest.mark.parametrize(
    "line", (NAMES + VALUES + TARGETS + FORWARDS + COMPARISONS + OUTPUTS).strip().splitlines(), ids=lambda line: line.split("  ")[0]
)
def test_refused(refused: Refused, line: str) -> None:
    """Kills a traceback, a second line, half a table on stdout, another exit code, and a message that does not help."""
    command, _, expected = line.partition("  ")
    said = refused(*(word.replace("\xa0", " ") for word in command.split(" ")))
    for part in words(expected):
        assert part in said


@pytest.mark.parametrize(
    "command", [["summary", ""], ["info", ""], ["summary", "alexnet", "-i", ""], ["summary", "alexnet", "-c", ""]]
)
def test_nothing(refused: Refused, command: list[str]) -> None:
    """Kills an empty word that is taken for a wildcard, or for no word at all."""
    assert "''" in refused(*command) or "expected names" in refused(*command)


@pytest.mark.parametrize(
    "command",
    [
        ["list", ""],
        ["list", "*"],
        ["summary", "torch.nn:Identity"],
        ["summary", "bad_nets.py:Namespace.Net", "-i", "3x8x8"],
        ["diff", "alexnet", "AlexNet"],
    ],
    ids=" ".join,
)
def test_odd_and_right(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path, command: list[str]
) -> None:
    """Kills refusals of what has a right answer."""
    monkeypatch.chdir(folder)
    assert run(command) == 0
    assert capsys.readouterr().out


# The advice is true --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        *("lenet5", "lenet5_modern", "alexnet", "alexnet_owt", "vgg16", "googlenet", "googlenet_bn", "resnet50"),
        *("torchvision:alexnet", "torchvision:squeezenet1_0", "bad_nets.py:Net", "bad_nets.py:Ninths"),
    ],
)
def test_smallest_size(refused: Refused, target: str) -> None:
    """Kills a smallest size that does not fit, or that is not the smallest."""
    channels = 1 if target.startswith("lenet") else 3
    said = refused("summary", target, "--input", f"{channels}x1x1")
    match = re.search(rf"\): its (?:window|kernel) of .*; the smallest square input that fits is {channels}×(\d+)×\1$", said)
    assert match is not None, said
    smallest, net = int(match[1]), resolve(target, {}).module
    zoo.trace(net, input=(1, channels, smallest, smallest))
    for side in {smallest - 1, smallest // 2, smallest // 3, smallest // 8} - {0}:
        with pytest.raises(zoo.ZooError):
            zoo.trace(net, input=(1, channels, side, side))


@pytest.mark.parametrize(("target", "channels"), [("alexnet", 1), ("lenet5", 3), ("resnet50", 4), ("googlenet", 2)])
def test_advice_on_channels(refused: Refused, target: str, channels: int) -> None:
    """Kills advice that does not work."""
    shape = (channels, *zoo.card(target).input[1:])
    said = refused("summary", target, "--input", "x".join(map(str, shape)))
    match = re.search(r"--set (\w+)=(\d+)$", said)
    assert match is not None, said
    zoo.summary(target, input=(1, *shape), options={match[1]: int(match[2])})


@pytest.mark.parametrize(
    "command", [["summary", "resnet18", "-b", "9999999999999"], ["summary", "bad_nets.py:After", "-i", "3x8x8"]], ids=" ".join
)
def test_no_false_reason(refused: Refused, command: list[str]) -> None:
    """Kills a kernel that is blamed for not fitting where it does, because it ran last."""
    assert "does not fit" not in refused(*command)


# In Python -----------------------------------------------------------------------------------------------------------

NET = nn.Sequential(nn.Conv2d(3, 4, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: zoo.summary(lambda x: x), "expected the name of a model or an nn.Module, got function"),
        (lambda: zoo.summary(nn.ReLU), "expected the name of a model or an nn.Module, got type"),
        (lambda: zoo.summary(Path("net.py")), "an nn.Module, got PosixPath; pass a string: 'net.py:Net'"),
        (lambda: zoo.summary(Path("net.onnx")), "an nn.Module, got PosixPath; pass a string: 'net.onnx'"),
        (lambda: zoo.summary(None), "expected the name of a model or an nn.Module, got NoneType"),
        (lambda: zoo.summary(NET, options={"width": 3}), "is already an instance"),
        (lambda: zoo.summary("alexnet", input=(1, 3, -5, 5)), r"\(1, 3, -5, 5\) is not a shape"),
        (lambda: zoo.summary("alexnet", input=(1.0, 3, 5, 5)), "expected a shape with batch"),
        (lambda: zoo.summary("alexnet", input="3,227,227"), "expected sizes without batch, such as 3x224x224"),
        (lambda: zoo.summary("alexnet", input=227), "expected a shape with batch"),
        (lambda: zoo.summary("alexnet", input=(1, 3, 227, 227), batch=2), "batch=2 does not apply to input"),
        (lambda: zoo.summary("alexnet", input=torch.zeros(1, 3, 227, 227), batch=2), "batch=2 does not apply to tensors"),
        (lambda: zoo.summary("alexnet", input=[torch.zeros(1, 3), (1, 3)]), "expected either tensors or shapes, got both"),
        (lambda: zoo.summary("alexnet", input=(3, 227, 227)), "N×3×227×227"),
        (lambda: zoo.summary("alexnet", input=(1, 3, 227, 227), inputs=torch.zeros(1, 3, 227, 227)), "either input .* or inputs"),
        (lambda: zoo.summary("alexnet", depth=-1), "depth"),
        (lambda: zoo.summary("alexnet", depth="all"), "depth"),
        (lambda: zoo.summary("alexnet", batch=0), "batch"),
        (lambda: zoo.summary("alexnet", columns=["prams"]), "unknown column 'prams'; did you mean params"),
        (lambda: zoo.summary(NET, inputs=torch.zeros(1, 3, 8, 8, dtype=torch.long)), "0 .Conv2d. raised RuntimeError"),
        (lambda: zoo.trace(NET, input=(1, 3, 8, 8), inputs=torch.zeros(1, 3, 8, 8)), "either input .* or inputs"),
        (lambda: zoo.trace(3), "an nn.Module, got int"),
        (lambda: zoo.measure("alexnet"), "expected a Trace"),
        (lambda: zoo.summary(zoo.trace("lenet5"), train=True), "train does not apply to a Trace"),
        (lambda: zoo.sweep("lenet5", input=[[torch.zeros(2, 2)] * 2]), "expected one tensor for each point"),
        (lambda: zoo.sweep("lenet5", input=(1, 32, 32)), "N×1×32×32"),
        (lambda: zoo.sweep("lenet5", options="num_classes=3"), "options: expected a mapping such as"),
        (lambda: zoo.sweep("lenet5", batch="8"), "batch: expected an integer >= 1, got '8'"),
        (
            lambda: zoo.features("resnet20", [2, 4]),
            "layers: expected names, such as 'stage2', got 2; reductions= chooses by stride",
        ),
        (lambda: zoo.features("resnet20", 2), r"layers: expected a list of names, such as \['2'\], got 2"),
        (lambda: zoo.trace(NET, input=(1, 3, 2, 2)), r"0 \(Conv2d\): its kernel of 3×3 does not fit into maps of 2×2"),
        (lambda: zoo.measure(zoo.trace(NET, input=(1, 3, 8, 8)), columns=["nope"]), "unknown column 'nope'"),
        (lambda: zoo.summary("lenet5").render("xlsx"), "unknown format 'xlsx'; choose from csv"),
        (lambda: zoo.card("alexnt"), "unknown model 'alexnt'; did you mean alexnet"),
        (lambda: zoo.list_models("zzz"), "no model matches 'zzz'"),
        (lambda: zoo.create_model("alexnet", num_classes=2.0), "num_classes: expected an integer"),
        (lambda: zoo.create_model("alexnet", name="x"), "unknown option of alexnet 'name'"),
    ],
)
def test_python(call: Callable[[], Any], message: str) -> None:
    """Kills another error than ZooError, and a mistake that is passed over."""
    with pytest.raises(zoo.ZooError, match=message):
        call()


def test_one_line() -> None:
    """Kills a message of several lines, whatever is in it."""
    assert str(zoo.ZooError("two\nlines\r\n  and  more")) == "two lines and more"


# Output that cannot be written ---------------------------------------------------------------------------------------


def spoken(arguments: list[str], stdout: int) -> tuple[int, str]:
    """The exit code, and what a process of its own says on stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "zoo_cli", *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "arguments", [["list"], ["list", "--format", "json"], ["info", "alexnet"], ["--help"], ["--version"]], ids=" ".join
)
def test_closed_pipe(arguments: list[str]) -> None:
    """Kills a traceback, and silence, when nobody reads on."""
    reading, writing = os.pipe()
    os.close(reading)
    code, err = spoken(arguments, writing)
    os.close(writing)
    assert (code, err) == (2, "zoo: standard output was closed before everything was written\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("arguments", [["list"], ["--version"]], ids=" ".join)
def test_full_disk(arguments: list[str]) -> None:
    """Kills a traceback where standard output is a file on a full disk."""
    with open("/dev/full", "w") as full:
        code, err = spoken(arguments, full.fileno())
    assert code == 2
    assert re.fullmatch(r"zoo: .*No space left on device.*\n", err)


def test_no_stdout() -> None:
    """Kills a traceback where there is no standard output at all."""
    command = f"exec {sys.executable} -m zoo_cli list >&-"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert re.fullmatch(r"zoo: [^\n]+\n", done.stderr)


class Strict(nn.Module):
    """Has no attribute that is not written down."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + x


def test_attributes_that_raise() -> None:
    """Kills a question for an attribute that a model need not have."""
    assert zoo.summary(Strict(), input=(1, 3, 4, 4), columns=["flops"]).total == {"flops": 48}
