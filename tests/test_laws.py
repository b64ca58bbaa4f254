"""The laws of the project: who may import whom, what must stay quick, what every card and every public name must have."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import zoo
from zoo.catalogue.entries import check_options, entry

ROOT = Path(zoo.__file__).parent.parent
FILES = sorted(path.relative_to(ROOT) for folder in ("zoo", "cli") for path in (ROOT / folder).rglob("*.py"))
NAMES = zoo.list_models()

PLACES = sorted({path.parent for path in FILES})


def each_file(check: Callable[[Path], None]) -> Callable[[Path], None]:
    """A test for each folder, which checks every file in it: a test for each file would take longer to start than to run."""

    @pytest.mark.parametrize("folder", PLACES, ids=str)
    def test(folder: Path) -> None:
        failures = []
        for path in FILES:
            if path.parent == folder:
                try:
                    check(path)
                except AssertionError as error:
                    failures.append(f"{path}: {error}")
        assert not failures, "\n".join(failures)

    test.__doc__ = check.__doc__
    return test


each_model = pytest.mark.parametrize("name", NAMES)


# Who may import whom -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Import:
    """`lazy` ones stand inside a function. Those for type checkers alone are none."""

    module: str
    lazy: bool

    @property
    def package(self) -> str:
        return self.module.partition(".")[0]


@cache
def parsed(source: str) -> ast.Module:
    return ast.parse(source)


@cache
def imports(source: str) -> set[Import]:
    return set(_imports(parsed(source), lazy=False))


def _imports(node: ast.AST, lazy: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, lazy) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "relative"
            yield from (Import(f"{child.module}.{alias.name}", lazy) for alias in child.names)
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            yield from _imports(ast.Module(child.orelse, []), lazy)
        else:
            yield from _imports(child, lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))


def test_imports_are_found() -> None:
    """Kills a reader of imports that overlooks some, and laws that therefore never fail."""
    source = """
import os.path, torch as t
from zoo.extend import arch
if TYPE_CHECKING:
    import typer
else:
    import rich
class A:
    import fvcore
    def f(self):
        if True:
            from torch import nn
"""
    assert imports(source) == {
        *(Import(module, False) for module in ("os.path", "torch", "zoo.extend.arch", "rich", "fvcore")),
        Import("torch.nn", True),
    }


def inside(path: Path, *places: str) -> bool:
    return any(path.is_relative_to(place) for place in places)


WITH_TORCH = tuple(
    f"zoo.tracing.{name}"
    for name in ("arguments", "guard", "real", "recorder", "replay", "shortcuts", "skeleton", "trace", "trees", "vocabulary")
)


@each_file
def test_law_of_imports(path: Path) -> None:
    """Kills a layer that reaches upwards, and a heavy package that comes with a light one."""
    found = imports((ROOT / path).read_text(encoding="utf-8"))
    anywhere = {one.package for one in found}
    at_once = {one.package for one in found if not one.lazy}
    torch = {"torch"} if inside(path, "zoo/archs", "zoo/tracing", "zoo/transform/cutting.py", "zoo/transform/parts.py") else set()
    assert at_once <= {*sys.stdlib_module_names, "zoo"} | torch | ({"zoo_cli", "typer"} if inside(path, "cli") else set())
    assert "zoo_cli" not in anywhere or inside(path, "cli")
    assert "typer" not in anywhere or inside(path, "cli/zoo_cli")
    assert "rich" not in anywhere or path in {Path("zoo/tables/formats/text.py"), Path("cli/zoo_cli/progress.py")}
    assert torch or not any(one.module.startswith(WITH_TORCH) and not one.lazy for one in found)
    if inside(path, "zoo/archs"):
        assert anywhere <= {"torch", "zoo", *sys.stdlib_module_names}
        assert {one.module for one in found if one.package == "zoo"} <= {"zoo.extend.arch"}


LIGHT = (
    *("zoo/util", "zoo/record", "zoo/extend", "zoo/tables", "zoo/ops", "zoo/analysis/columns", "zoo/analysis/conventions", "cli"),
    *(f"zoo/analysis/{name}.py" for name in ("choose", "convention", "kinds", "measure", "repeats", "rows", "stages")),
    *(f"zoo/catalogue/{name}.py" for name in ("card", "entries", "published")),
    *(f"zoo/receptive/{name}.py" for name in ("join", "layout", "rules", "sliding", "spans", "sums", "taps", "windows")),
    *(f"zoo/tracing/{name}.py" for name in ("diagnosis", "messages")),
    *("zoo/questions/info.py", "zoo/questions/list.py", "zoo/linting", "zoo/pages"),
)


@each_file
def test_torch_is_not_even_lazily_imported(path: Path) -> None:
    """Kills a pass, a format or a card that looks at tensors."""
    if not inside(path, *LIGHT):
        return
    found = imports((ROOT / path).read_text(encoding="utf-8"))
    assert not {one.package for one in found} & {"torch", "torchvision", "fvcore", "numpy"}
    assert not any(one.module.startswith(WITH_TORCH) for one in found)


# What a file may know of another, and of torch -----------------------------------------------------------------------


def circles(arrows: Mapping[str, set[str]]) -> list[set[str]]:
    """Sets of two or more names, each of which leads to every other of its set."""

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        left = [start]
        while left:
            following = arrows.get(left.pop(), set()) - found
            found |= following
            left += following
        return found

    ways = {name: reached(name) for name in arrows}
    rings = {frozenset(other for other in ways[name] if name in ways.get(other, ())) for name in arrows if name in ways[name]}
    return [set(ring) for ring in rings if len(ring) > 1]


def reached_by_name(source: str) -> set[str]:
    """Modules that `import_module("zoo...")` imports: a circle hides well behind it."""
    calls = (node for node in ast.walk(parsed(source)) if isinstance(node, ast.Call) and node.args)
    named = (call.args[0] for call in calls if ast.unparse(call.func).endswith("import_module"))
    return {str(name.value) for name in named if isinstance(name, ast.Constant)}


def test_names_are_read() -> None:
    """Kills a reader that overlooks an import by name."""
    assert reached_by_name('x = importlib.import_module("zoo.a"); import_module(f"zoo.{y}"); print("zoo.b")') == {"zoo.a"}


def test_circles_are_found() -> None:
    """Kills a search that finds no circle, or takes a diamond for one."""
    assert circles({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}) == []
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"d"}}) == [{"a", "b", "c"}]


def test_no_circle_of_files() -> None:
    """Kills two files that cannot be read one after the other; imports inside functions and by name count too."""
    files = {".".join(path.with_suffix("").parts).removesuffix(".__init__"): path for path in FILES if inside(path, "zoo")}
    arrows: dict[str, set[str]] = {}
    for name, path in files.items():
        source = (ROOT / path).read_text(encoding="utf-8")
        found = {one.module for one in imports(source)} | reached_by_name(source)
        arrows[name] = {module if module in files else module.rpartition(".")[0] for module in found} & files.keys() - {name}
    assert circles(arrows) == []


ROOMS = re.findall(r"^  (\w+)/ ", (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"), re.MULTILINE)
"""The folders of `zoo`, each of which imports from those before it: the page's source tree is checked, not only read."""

UPWARD = {("extend", "analysis")}
"""The page that extensions import from also offers what lies below it."""


def arrows_between_rooms() -> set[tuple[str, str]]:
    """Who imports from whom: folders of `zoo`, and the command line."""
    found = set()
    for path in FILES:
        room = path.parts[1] if len(path.parts) > 2 and path.parts[0] == "zoo" else path.parts[0]
        modules = [one.module.split(".") for one in imports((ROOT / path).read_text(encoding="utf-8"))]
        found |= {(room, parts[1]) for parts in modules if parts[0] == "zoo" and parts[1] in ROOMS} - {(room, room)}
    return found


def test_rooms() -> None:
    """Kills a folder that the page forgot, one that imports from below it, and a house in which all rooms are joined."""
    assert set(ROOMS) == {path.parts[1] for path in FILES if path.parts[0] == "zoo" and len(path.parts) > 2}
    arrows = arrows_between_rooms()
    upward = {(a, b) for a, b in arrows if a in ROOMS and ROOMS.index(a) < ROOMS.index(b)}
    assert upward == UPWARD, "a folder imports from one below it in docs/architecture.md"
    assert len(arrows) <= 100


def private(source: str) -> set[str]:
    """Private names of other modules and objects that a source touches: imported, as an attribute, or as text."""
    found: set[str] = set()
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Attribute) and not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "torch":
            found.update(*((node.module or "").split("."), *([alias.name] for alias in node.names)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in _OF_TORCH:
            found.add(node.value)
    return {name for name in found if re.fullmatch(r"_[A-Za-z]\w*", name)} - {
        "_getframe",
        "_replace",
    }  # of sys, and of named tuples


_OF_TORCH = frozenset(
    "_orig_mod _compiled_call_impl _parameters _buffers _modules _forward_hooks _non_persistent_buffers_set".split()
)


def test_private_names_are_found() -> None:
    """Kills a reader of private names that overlooks one of the ways in which they are touched."""
    source = """
from torch.utils._pytree import tree_map
from torch import _C as engine
def f(self, module):
    return self._own, module._modules, getattr(module, "_orig_mod"), module.__dict__
"""
    assert private(source) == {"_pytree", "_C", "_modules", "_orig_mod"}


@each_file
def test_torch_internals(path: Path) -> None:
    """Kills a private name of torch in a file that `docs/architecture.md` does not list for it, and a file listed in vain."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition("## Private names of torch")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `(\w+\.py)` \|", section, re.MULTILINE))
    assert named
    touched = private((ROOT / path).read_text(encoding="utf-8"))
    assert bool(touched) == (inside(path, "zoo/tracing") and path.name in named), touched


MESSAGES = "zoo/tracing/messages.py"
"""The only file that may read the words of an error."""


def read_by_words(source: str) -> list[str]:
    """Tests on the text of an error or a note: `"word" in str(error)`, `note.startswith("word")`."""
    found = []
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            asked = ast.unparse(node.comparators[0])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"startswith", "endswith"}:
            asked = ast.unparse(node.func.value)
        else:
            continue
        if re.fullmatch(r"(str\()?(\w*error|note|message|reason)\)?(\.args\[0\])?", asked):
            found.append(ast.unparse(node))
    return found


def test_reading_by_words_is_found() -> None:
    """Kills a search for tests on messages that never finds one."""
    source = "if OFFER in str(error) or note.startswith('x') or 'input' in note or name in names: pass"
    assert set(read_by_words(source)) == {"OFFER in str(error)", "note.startswith('x')", "'input' in note"}


@each_file
def test_no_control_flow_by_words(path: Path) -> None:
    """Kills a decision that hangs on how a message is worded."""
    assert path == Path(MESSAGES) or read_by_words((ROOT / path).read_text(encoding="utf-8")) == []


# What a fresh process loads ------------------------------------------------------------------------------------------

PROBE = """
import atexit, sys
atexit.register(lambda: print(*sorted({"torch", "rich", "typer", "numpy"} & set(sys.modules)), file=sys.stderr))
"""
COMMAND = f"{PROBE}from zoo_cli.main import main\nmain()"


def loaded(code: str, *arguments: str, **environment: str) -> tuple[str, set[str]]:
    """What a fresh process prints, and which heavy packages it has loaded at its end."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stdout, set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["list", "--format", "json"],
        ["info", "alexnet"],
        ["--help"],
        ["summary", "--help"],
        ["--version"],
        ["pull", "alexnet", "-o", "-"],
    ],
    ids=" ".join,
)
def test_no_torch(arguments: list[str]) -> None:
    """Kills seconds of waiting for what needs no tensor."""
    out, heavy = loaded(COMMAND, *arguments)
    assert out
    assert "torch" not in heavy
    assert "numpy" not in heavy


@pytest.mark.slow
def test_torch_can_be_found() -> None:
    """Kills a probe that never finds torch, or rich."""
    out, heavy = loaded(COMMAND, "summary", "alexnet", "--no-cache")
    assert "60,965,224" in out
    assert {"torch", "typer"} <= heavy
    assert "rich" in loaded(COMMAND, "info", "alexnet")[1]
    assert "rich" not in loaded(COMMAND, "list")[1]


def test_import_zoo_is_light() -> None:
    """Kills a package that pulls in its own command line, or anything that draws or computes."""
    code = "import zoo, zoo.tables.formats, zoo.questions.info, zoo.analysis.choose as choose\nchoose.columns()\n"
    code += "zoo.list_models(); zoo.card('vgg16'); zoo.questions.info.info('vgg16').render('markdown')"
    assert loaded(PROBE + code) == ("", set())


def test_machines_formats_draw_nothing() -> None:
    """Kills a JSON that waits for what draws tables."""
    code = "from zoo.questions.list import listing\nfor name in ('json', 'csv', 'markdown', 'html'): print(listing().render(name))"
    assert loaded(PROBE + code)[1] == set()


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("zoo summary alex", {"alexnet", "alexnet_owt", "alexnet_ungrouped"}),
        ("zoo info goog", {"googlenet", "googlenet_bn"}),
        ("zoo summary vgg16 --format j", {"json"}),
        ("zoo sum", {"summary"}),
        ("zoo compare fc-", {"fc-vs-gap"}),
        ("zoo list --family re", {"resnet", "resnet_cifar", "resnet_torchvision"}),
        ("zoo summary vgg16 --columns params,ma", {"params,macs", "params,maps"}),
    ],
)
def test_completion(typed: str, completed: set[str]) -> None:
    """Kills completion that knows no names, or that loads torch at every press of a key."""
    words = len(typed.split()) - 1
    out, heavy = loaded(COMMAND, _ZOO_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=str(words))
    assert set(out.split()) == completed
    assert "torch" not in heavy


# The catalogue -------------------------------------------------------------------------------------------------------


def test_names_are_told_apart() -> None:
    """Kills two models that one spelling means."""
    squeezed = [re.sub(r"[^a-z0-9]", "", name) for name in NAMES]
    assert len(set(squeezed)) == len(NAMES)
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) for name in NAMES)


@each_model
def test_card_is_complete(name: str) -> None:
    """Kills a card with a blank, or that cites nothing that can be looked up."""
    card = zoo.card(name)
    for fact in (card.family, card.summary, card.title, card.authors, card.paper, card.licence):
        assert fact == fact.strip() != ""
    assert card.doi or card.arxiv or card.url
    assert re.fullmatch(r"(10\.\d{4,}/\S+)?", card.doi)
    assert re.fullmatch(r"(\d{4}\.\d{4,5})?", card.arxiv)
    assert 1980 < card.year < 2100
    assert len(card.input) == (2 if name == "text_cnn" else 3)
    assert all(type(n) is int and n > 0 for n in (*card.input, card.params, card.macs, card.depth))
    assert not card.summary.endswith(".")


@each_model
def test_published_numbers_parse(name: str) -> None:
    """Kills a printed number that nobody can compare, or that is found nowhere."""
    for one in zoo.card(name).published:
        assert one.value > 0
        assert one.where
        assert one.quantity in {"params", "macs", "depth", "connections", "neurons"}


@each_model
def test_options(name: str) -> None:
    """Kills an option whose type is not checked, a default or a variant that is refused, and models of one size only."""
    found = entry(name)
    assert {"num_classes", "in_channels"} <= {option.name for option in found.options}
    for option in found.options:
        assert option.type in {"int", "float", "bool"} or option.type.startswith("Literal[")
        assert option.check(option.default) == option.default
        with pytest.raises(zoo.ZooError, match=option.name):
            option.check(object())
    for options in (found.card.training, *(variant.options for variant in found.card.variants)):
        assert check_options(found, options) == options


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        *(("LeNet-5", "lenet5"), ("AlexNet", "alexnet"), ("VGG16", "vgg16"), ("vgg-16", "vgg16"), ("VGG 16 C", "vgg16_c")),
        *(
            ("resnet-50", "resnet50"),
            ("ResNet-50 v1.5", "resnet50_v1_5"),
            ("GoogLeNet", "googlenet"),
            ("GOOGLENET-BN", "googlenet_bn"),
        ),
        *((name, name) for name in NAMES),
        *((name.upper().replace("_", "-"), name) for name in NAMES),
    ],
)
def test_spellings(spelling: str, name: str) -> None:
    """Kills a usual spelling that is not understood, or means another model."""
    assert zoo.card(spelling).name == name


def test_natural_order() -> None:
    """Kills resnet101 before resnet18, and years out of order."""
    assert zoo.list_models("resnet*_5") == ["resnet50_v1_5", "resnet101_v1_5", "resnet152_v1_5"]
    years = [zoo.card(name).year for name in NAMES]
    assert years == sorted(years)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("vgg1?", ["vgg11", "vgg13", "vgg16", "vgg19"]),
        ("VGG-16", ["vgg16", "vgg16_bn", "vgg16_c"]),
        ("*_bn", ["googlenet_bn", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"]),
        ("resnet1[05]?", ["resnet101", "resnet152"]),
    ],
)
def test_patterns(pattern: str, names: list[str]) -> None:
    """Kills wildcards that match parts, parts that need wildcards, and spellings that are minded too much."""
    assert zoo.list_models(pattern) == names


@pytest.mark.parametrize(
    ("facts", "message"),
    [({"name": "other"}, "name"), ({"family": "other"}, "family"), ({"yaer": 1998}, "yaer"), ({}, "title")],
    ids=["name", "family", "typo", "blank"],
)
def test_wrong_cards(facts: dict[str, object], message: str) -> None:
    """Kills a card that is accepted with a fact misspelt or left out."""

    def net() -> None:
        """A network."""

    with pytest.raises(TypeError, match=message):
        zoo.arch(**facts)(net)


# Every public name, every file ---------------------------------------------------------------------------------------


def public(node: ast.AST, *, networks: bool) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """Public functions and classes, and the public methods of the latter; in networks the classes and functions alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef) and not child.name.startswith("_"):
            yield child
            if isinstance(child, ast.ClassDef) and not networks:
                yield from public(child, networks=networks)


@each_file
def test_docstrings(path: Path) -> None:
    """Kills a public name, or a file, that does not say what it is for."""
    tree = parsed((ROOT / path).read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    for found in public(tree, networks=inside(path, "zoo/archs")):
        assert ast.get_docstring(found), found.name


@each_file
def test_annotations(path: Path) -> None:
    """Kills a function without types."""
    for node in ast.walk(parsed((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            assert node.returns is not None, node.name
            assert all(one.annotation or one.arg in {"self", "cls"} for one in arguments), node.name


@each_file
def test_sizes(path: Path) -> None:
    """Kills a file or a function that has become too long to read."""
    text = (ROOT / path).read_text(encoding="utf-8")
    assert text.count("\n") <= 500
    for node in ast.walk(parsed(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 60, node.name
