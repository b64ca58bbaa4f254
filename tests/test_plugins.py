"""Other people's networks, columns, comparisons and formats: installed, registered, broken."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest
from torch import nn

import zoo
from zoo.analysis.choose import columns
from zoo.analysis.kinds import Sum
from zoo.catalogue.card import arch
from zoo.catalogue.entries import entry
from zoo.extend.study import Study, studies
from zoo.models import caching
from zoo.models.targets import definition
from zoo.tables import formats
from zoo.tables.table import Column, Row, Table
from zoo.util import plugins
from zoo_cli.main import run

ROOT = Path(zoo.__file__).parent.parent
EXAMPLE = ROOT / "docs" / "example_plugin"
FACTS: dict[str, Any] = {
    "title": "A",
    "year": 2020,
    "authors": "A",
    "paper": "A",
    "arxiv": "2001.00000",
    "input": (3, 8, 8),
    "params": 30,
    "macs": 1728,
    "depth": 1,
}

# The example ---------------------------------------------------------------------------------------------------------

SESSION = """
import contextlib, io, sys
import zoo
assert zoo.list_models("acme") == ["acmenet"] and "importlib.metadata" not in sys.modules, "a slow start"
from zoo_cli.main import run
def said(line):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run(line.split()) == 0, line
    return out.getvalue()
assert "plugin acme_zoo" in said("list acme"), "list"
assert "from     plugin acme_zoo" in said("info acmenet") and "stage2   conv2" in said("info ACME-Net")
assert not {"torch", "acme_zoo", "acme_zoo.acmenet"} & set(sys.modules), "a card that is imported"
assert said("list acme -f tsv") == "acmenet\\t1562\\n"
assert "\\nconv2,Conv2d,1168,73728,16\\n" in said("summary acmenet -c params,macs,biases -f csv")
assert "times the parameters of 3." in said("compare depth-price")
assert "conv2" in said("stages acmenet")
said("verify acmenet")
assert zoo.create_model("acmenet", num_classes=7, pooling="average").fc.out_features == 7
assert zoo.features("acmenet", ["stage2"]).stages["stage2"].channels == 16
assert "single-filter" in said("lint --list") and "A. Author" in said("lint --explain single-filter")
assert "no findings" in said("lint acmenet --select single-filter")
import torch
narrow = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 3), torch.nn.Conv2d(1, 8, 3))
found = [(one.layer, one.what) for one in zoo.lint(narrow, input=(1, 3, 8, 8), select=["single-filter"])]
assert found == [("0", "one map of 36 elements")], found
torch.library.define("acme::scaled_linear", "(Tensor x, Tensor weight, float scale) -> Tensor")
torch.library.impl("acme::scaled_linear", "Meta", lambda x, weight, scale: x.new_empty(*x.shape[:-1], weight.shape[0]))
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(32, 16))
    def forward(self, x):
        return torch.ops.acme.scaled_linear(x, self.weight, 0.5)
total = zoo.summary(Net(), input=(24, 16), columns=["macs", "flops", "depth", "backward_macs"]).total
unknown = {"at_least": 0, "unknown": {"acme::scaled_linear": 1}}
assert total == {"macs": 12288, "flops": 25344, "depth": 1, "backward_macs": unknown}, total
"""


def test_the_example_is_built_installed_and_used(tmp_path: Path) -> None:
    """Kills a documented package that does not build, and an entry point that nobody reads."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--disable-pip-version-check", "--target", tmp_path, EXAMPLE], check=True)
    script = f"import sys; sys.path.append({str(tmp_path)!r})\n{SESSION}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_document_quotes_the_example() -> None:
    """Kills a document that shows another package than the one that is tested."""
    text = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    quoted = re.findall(r"`(?:acme_zoo/)?(\w+\.\w+)`\n\n```\w+\n(.*?)```", text, re.DOTALL)
    sources = {"acmenet.py", "biases.py", "depth_price.py", "tsv.py", "scaled_linear.py", "single_filter.py"}
    assert {name for name, _ in quoted} == {"pyproject.toml", *sources}
    for name, block in quoted:
        path = EXAMPLE / name if name.endswith("toml") else EXAMPLE / "acme_zoo" / name
        assert path.read_text(encoding="utf-8") == block, name


# Installed -----------------------------------------------------------------------------------------------------------

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs packages without a build: entry points as (group, name, module), and the sources of modules."""
    modules = set(sys.modules)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])

    def install(package: str, *points: tuple[str, str, str], **sources: str) -> None:
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        lines = {group: "".join(f"{name} = {module}\n" for one, name, module in points if one == group) for group, _, _ in points}
        info.joinpath("entry_points.txt").write_text("".join(f"[{group}]\n{text}" for group, text in lines.items()))
        for name, source in sources.items():
            (tmp_path / f"{name}.py").write_text(source)
        plugins.refresh()

    yield install
    monkeypatch.undo()
    plugins.refresh()
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def builder(name: str, **facts: Any) -> str:
    keywords = ", ".join(f"{key}={value!r}" for key, value in (FACTS | facts).items())
    return (
        "from torch import nn\nimport zoo\nfrom zoo.extend import arch\n"
        f"@arch({keywords})\ndef {name}(num_classes: int = 1, in_channels: int = 3) -> nn.Module:\n    '''A net.'''\n"
        "    return nn.Sequential(nn.Conv2d(in_channels, 1, 3, padding=1), nn.Flatten())\n"
    )


PASS = "from zoo.extend import Column, Sum\nCOLUMN = Sum(Column('{0}', 'n', 'd'), lambda op: {1})\n"

BROKEN = [
    (("zoo.archs", "a", "nowhere.at_all"), "", "skipping plugin bad (nowhere.at_all): ImportError: no module named"),
    (("zoo.archs", "a", "bad_mod"), "def (", "skipping plugin bad (bad_mod): SyntaxError"),
    (("zoo.archs", "a", "bad_mod"), "x = 1", "ZooError: it contains no builder decorated with @arch"),
    (("zoo.archs", "a", "bad_mod"), builder("net", yaer=3), "TypeError: @arch of net: unknown keyword yaer"),
    (("zoo.archs", "a", "bad_mod"), builder("ResNet_50"), "skipping ResNet_50 of plugin bad: zoo itself already uses this name"),
    (("zoo.columns", "a", "bad_mod"), "raise SystemExit(3)", "plugin bad (bad_mod): SystemExit: 3"),
    (("zoo.columns", "a", "bad_mod"), "import absent_package", "ModuleNotFoundError: No module named 'absent_package'"),
    (("zoo.columns", "a", "bad_mod"), "class COLUMN: column = 3", "TypeError: expected a Column, got 3"),
    (("zoo.columns", "a", "bad_mod"), PASS.format("params", 1), "skipping params of plugin bad: zoo itself already uses this name"),
    (("zoo.columns", "a", "bad_mod"), PASS.format("mine", "1 / 0"), "skipping column mine of plugin bad: ZeroDivisionError"),
    (("zoo.studies", "a", "bad_mod"), "STUDY = None", "AttributeError: 'NoneType' object has no attribute 'name'"),
    (("zoo.formats", "text", "bad_mod"), "", "skipping text of plugin bad: zoo itself already uses this name"),
    (("zoo.archs", "a", "bad_mod:net"), "", "skipping plugin bad: zoo.archs: a = bad_mod:net: expected a module"),
    (("zoo.nets", "a", "bad_mod"), "", "skipping plugin bad: unknown entry point group zoo.nets; expected zoo.archs, zoo.columns"),
    (("zoo.archs]\n[", "a", "b"), "", "skipping plugin bad: "),
]


@pytest.mark.parametrize(("point", "source", "message"), BROKEN, ids=[message[-30:] for _, _, message in BROKEN])
def test_broken(
    install: Install, capsys: pytest.CaptureFixture[str], point: tuple[str, str, str], source: str, message: str
) -> None:
    """Kills a broken plugin that takes others with it, is passed over in silence, or is complained of again and again."""
    install("bad", point, bad_mod=source)
    install("good", ("zoo.archs", "x", "good_arch"), ("zoo.columns", "x", "good_pass"), good_arch=builder("good_net"))
    Path(sys.path[-1], "good_pass.py").write_text(PASS.format("good_column", 1))
    for _ in range(2):
        table = zoo.summary("good_net")
        assert table.total["good_column"] == 2
        assert table.total["params"] == 28
        assert zoo.list_models("resnet50") == ["resnet50", "resnet50_v1_5"]
        assert "fc-vs-gap" in studies()
        assert {"text", "json"} <= set(formats.names())
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert message in lines[0]
    assert lines[0].startswith("zoo: ")


def test_two_plugins_of_one_name(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a clash that the order of folders decides, or that names one side only."""
    install("beta", ("zoo.archs", "x", "beta_mod"), beta_mod=builder("the_net", year=2002))
    install("alpha", ("zoo.archs", "x", "alpha_mod"), alpha_mod=builder("TheNet", year=2001))
    assert zoo.card("the_net").year == 2001
    assert capsys.readouterr().err == "zoo: skipping the_net of plugin beta: plugin alpha already uses this name\n"


def test_nothing_is_imported_to_list(install: Install) -> None:
    """Kills a card that is read by importing its file, or the package around it."""
    install("heavy", ("zoo.archs", "x", "heavy_package.nets"))
    folder = Path(sys.path[-1], "heavy_package", "nets")
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise RuntimeError('imported')")
    for name in ("one", "two"):
        (folder / f"{name}.py").write_text(builder(f"net_{name}"))
    plugins.refresh()
    assert zoo.list_models("net_*") == ["net_one", "net_two"]
    assert entry("net_two").module == "heavy_package.nets.two"
    assert zoo.card("net_two").family == "two"


def test_failures_in_use(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a traceback out of somebody else's study or format, and one that is loaded before it is wanted."""
    install(
        "frail",
        ("zoo.studies", "s", "frail_study"),
        ("zoo.formats", "late", "frail_format"),
        ("zoo.formats", "gone", "frail_gone"),
        frail_study="from zoo.extend import Study\ndef run(stride: int = 2): return [][stride]\nSTUDY = Study('frail', 'q', run)",
        frail_format="def render(table, width=None): return table.nothing",
    )
    for arguments, message in (
        ("compare frail --stride 3", "plugin frail: IndexError: list index out of range"),
        ("compare frail --stride 0", "stride"),
        ("list lenet -f late", "plugin frail: AttributeError: 'Table' object has no attribute 'nothing'"),
        ("list lenet -f gone", "plugin frail: ModuleNotFoundError: No module named 'frail_gone'"),
    ):
        assert run(arguments.split()) == 2
        assert message in capsys.readouterr().err


def test_traces_of_others_are_not_kept(install: Install) -> None:
    """Kills an answer from the cache after a plugin, or a cell of a notebook, has changed."""
    install("other", ("zoo.archs", "x", "other_mod"), other_mod=builder("other_net"))
    with caching.in_use():
        assert definition("lenet5")
        assert definition("other_net") is None


# Registered ----------------------------------------------------------------------------------------------------------


@arch(**FACTS)
def my_net(num_classes: int = 1, in_channels: int = 3, *, kind: Literal["A", "B"] = "A", dropout: float = 0.5) -> nn.Module:
    """Mine 2020: a network."""
    return nn.Sequential(nn.Conv2d(in_channels, 1, 3, padding=1), nn.Flatten())


mine = Sum(Column("mine", "ops", "ops"), lambda op: 1)


def mine_format(table: Table, width: int | None = None) -> str:
    return f"{len(table.rows)}\n"


def spelt_format(page: "zoo.Table", width: int | None = None) -> str:
    return f"{len(page.rows)} rows\n"


def undeclared(table, width=None):  # type: ignore[no-untyped-def]
    return ""


def answer() -> Table:
    return Table("answer", {}, (), (Row("a", "b", {}),))


def test_registered() -> None:
    """Kills a kind that cannot be registered, a cache that does not notice, and what stays when it is taken back."""
    before = [zoo.list_models(), list(columns()), list(studies()), formats.names()]
    with zoo.register(my_net, mine, Study("mine", "What?", answer), mine_format, spelt_format):
        assert zoo.list_models("my") == ["my_net"]
        assert [option.type for option in entry("my_net").options] == ["int", "int", "Literal['A', 'B']", "float"]
        assert zoo.summary("my-net", options={"kind": "B"}).total["mine"] == 2
        assert zoo.compare("mine").render("mine_format") == "1\n"
        assert zoo.compare("mine").render("spelt_format") == "1 rows\n"
        assert entry("my_net").origin == f"registered by {__name__}"
        with pytest.raises(zoo.ZooError, match="expected one of A, B, got 'C'"):
            zoo.create_model("my_net", kind="C")
    assert [zoo.list_models(), list(columns()), list(studies()), formats.names()] == before
    with pytest.raises(zoo.ZooError, match="unknown model"):
        zoo.card("my_net")


def test_claims_are_called_claims(capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a licence that nobody gave, and numbers of a card that are called computed and were not."""
    from zoo.questions.site import _listed as listed

    with zoo.register(my_net):
        assert run(["info", "my_net"]) == 0
        page = capsys.readouterr().out
        assert "MIT" not in page
        assert "computed" not in page.partition("claimed: ")[0]
        assert "zoo verify my_net" in " ".join(page.split())
        assert run(["list", "-f", "json"]) == 0
        rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
        assert (rows["my_net"].get("mark"), rows["lenet5"].get("mark")) == ("claimed", None)
        assert zoo.card("my_net").licence == ""
        assert [text.partition(" ")[2] for text, _ in listed(zoo.card("my_net"))["cells"]][2:5] == ["(claimed)"] * 3
    with pytest.raises(TypeError, match="unknown keyword checked"):
        zoo.arch(checked=True)(my_net)
    assert zoo.card("lenet5").licence == "MIT"


def test_modules_are_registered() -> None:
    """Kills a module that is registered in part, or with what it has imported from elsewhere."""
    module = ModuleType("notebook")
    source = builder("cell_net") + PASS.format("cells", 1) + "from zoo.archs.vgg import vgg16\n"
    exec(f"{source}def render(table, width=None): return 'x'\n", vars(module))
    with zoo.register(module):
        assert zoo.summary("cell_net", columns=["cells"]).render("notebook") == "x"


def test_a_cell_runs_again() -> None:
    """Kills a notebook that must be restarted for every change, and an old handle that removes what is new."""
    first = zoo.register(mine)
    later = Sum(Column("mine", "ops", "ops"), lambda op: 2)
    with zoo.register(later):
        first.close()
        assert columns()["mine"] is later
    assert "mine" not in columns()


def other_home() -> Any:
    function: Any = lambda op: 1  # noqa: E731
    function.__module__ = "elsewhere"
    return Sum(Column("Mine", "ops", "ops"), function)


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (Sum(Column("macs", "ops", "ops"), lambda op: 1), "cannot register macs of .*: zoo itself already uses this name"),
        (Study("FC vs GAP", "?", answer), "cannot register FC vs GAP of .*: zoo itself already uses"),
        (other_home(), f"cannot register Mine of elsewhere: {__name__} already uses"),
        (
            nn.Linear,
            "expected a builder decorated with @arch, a column, a study, a format, an OpRule, a lint rule, a kind of picture, "
            "or a module",
        ),
        (answer, "cannot register .*: expected a builder decorated with @arch"),
        (undeclared, "cannot register .*: expected a builder decorated with @arch, .* a format"),
        (sys, "cannot register <module"),
        (3, "^cannot register 3: "),
    ],
)
def test_refused(thing: Any, message: str) -> None:
    """Kills a name that is taken away from its owner, a thing that vanishes, and half of what was to be registered."""
    with zoo.register(mine):
        with pytest.raises(zoo.ZooError, match=message):
            zoo.register(my_net, thing)
        assert "my_net" not in zoo.list_models()
        assert columns()["mine"] is mine


def test_refused_builders() -> None:
    """Kills a builder whose options cannot be checked."""

    @arch(**FACTS)
    def untyped(num_classes=1) -> nn.Module:  # type: ignore[no-untyped-def]
        """A net."""

    with pytest.raises(zoo.ZooError, match="untyped: option num_classes lacks a type"):
        zoo.register(untyped)
