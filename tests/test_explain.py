"""Explanations are true: a parser reads every formula that is printed, computes it, and compares it with the cell of the table."""

import ast
import math
import pickle
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any
from xml.dom import minidom

import pytest

import zoo
from zoo.analysis.choose import choose, columns
from zoo.analysis.kinds import Pass
from zoo.analysis.typeset import math as math_of
from zoo.analysis.windows import OfOps, OfWindow
from zoo.analysis.working import Place, places
from zoo.catalogue.entries import list_models
from zoo.ops.working import Line

_FUNCTIONS: dict[str, Any] = {"floor": math.floor, "ceil": math.ceil, "min": min, "max": max}
_OPERATORS: dict[type, Any] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: Fraction(a) / Fraction(b),
    ast.USub: lambda a: -a,
}


def computed(formula: str) -> Fraction:
    """What a formula in numbers gives, exactly."""

    def value(node: ast.AST) -> Any:
        match node:
            case ast.Expression(body=body):
                return value(body)
            case ast.Constant(value=number):
                return Fraction(str(number))
            case ast.BinOp(left=left, op=sign, right=right):
                return _OPERATORS[type(sign)](value(left), value(right))
            case ast.UnaryOp(op=sign, operand=one):
                return _OPERATORS[type(sign)](value(one))
            case ast.Call(func=ast.Name(id=name), args=args):
                return Fraction(_FUNCTIONS[name](*map(value, args)))
        raise AssertionError(f"{ast.dump(node)} in {formula}")

    plain = re.sub(r"(?<=\d),(?=\d{3})", "", formula)
    return sum((value(ast.parse(term, mode="eval")) for term in terms(plain)), Fraction(0))


def terms(formula: str) -> list[str]:
    """The terms of a sum, outside of brackets: a sum of a thousand rows is too deep for Python's parser."""
    found, depth = [""], 0
    for part in re.split(r"( \+ |[()])", formula):
        depth += {"(": 1, ")": -1}.get(part, 0)
        if part == " + " and depth == 0:
            found.append("")
        else:
            found[-1] += part
    return found


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("floor((227 + 2*0 - 11) / 4) + 1", 55),
        ("2 * 1,234 + 1", 2469),
        ("max((-3), 5, 1,000) - (-2)", 1002),
        ("7 / 2", Fraction(7, 2)),
    ],
)
def test_formulas_are_computed(formula: str, expected: Any) -> None:
    assert computed(formula) == expected


def part_of(cell: Any, part: tuple[str | int, ...]) -> Any:
    """What stands in a cell at that place."""
    if part and part[0] == "from":
        return -cell["padding"][part[1]]
    if isinstance(cell, dict) and "at_least" in cell:
        cell = cell["at_least"]
    for key in part:
        cell = cell[key]
    return Fraction(cell) if isinstance(cell, str) else cell


def every_part(cell: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The places of all numbers in a cell."""
    if isinstance(cell, dict) and ("at_least" in cell or "undefined" in cell):
        if "at_least" in cell:
            yield path
    elif isinstance(cell, dict):
        for key, item in cell.items():
            if key != "global":
                yield from every_part(item, (*path, "from" if key == "padding" else key))
    elif isinstance(cell, list):
        for index, item in enumerate(cell):
            yield from every_part(item, (*path, index))
    elif cell is not None:
        yield path


def wrong(one: Pass, place: Place) -> list[str]:
    """What is wrong with the working of a cell: formulas that give another number, parts that no line gives."""
    (cell,), _ = one.measure(place.trace, [place.group])
    lines: list[Line] = list(one.working(place, cell))  # type: ignore[attr-defined]
    where = f"{place.trace.target} {place.group.name} {one.column.name}"
    found = []
    for line in lines:
        if line.formula:
            got = computed(line.numbers)
            if not math.isclose(got, line.result, rel_tol=1e-5):
                found.append(f"{where}: {line.label} {line.numbers} gives {got}, not {line.result}")
        if (
            line.part is not None
            and line.result is not None
            and not math.isclose(line.result, part_of(cell, line.part), rel_tol=1e-5)
        ):
            found.append(f"{where}: {line.label} says {line.result}, the cell has {part_of(cell, line.part)}")
    given = {line.part for line in lines if line.part is not None}
    words = [line for line in lines if line.says and not line.formula]
    missing = [part for part in every_part(cell) if part not in given]
    if missing and not words:
        found.append(f"{where}: nothing gives {missing} of {cell}")
    if one.column.name in _ALWAYS and missing:
        found.append(f"{where}: no formula for {missing}: {[line.says for line in words]}")
    if one.column.name in _ALWAYS and cell and any(line.says == "no working is given" for line in lines):
        found.append(f"{where}: no working")
    return found


_ALWAYS = frozenset(  # of these every number has a formula
    name for name, one in columns().items() if name not in {"output"} and not isinstance(one, OfWindow | OfOps)
)


def problems(trace: zoo.Trace, names: list[str] | None = None) -> list[str]:
    passes = choose(names or [*columns(), "params%"])
    return [text for place in places(trace) for one in passes for text in wrong(one, place)]


_DEEP = re.compile(
    r"(resnet|plain)(32|34|44|50|56|101|110|152).*|googlenet_bn|plain20|resnet(18|20|18_a)|vgg(11|13|19).*|vgg16_(bn|c)|alexnet_.+"
)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] * bool(_DEEP.fullmatch(name)))
        for name in list_models()
        if name != "resnet1202"  # the same blocks as resnet110's, and minutes of formulas
    ],
)
def test_every_formula_of_the_catalogue(name: str) -> None:
    assert problems(zoo.trace(name)) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenet_v3_small", "densenet121", "shufflenet_v2_x0_5", "squeezenet1_0", "inception_v3", "vit_b_16"]
)
def test_every_formula_of_torchvision(name: str) -> None:
    passes = ["output", "params", "macs", "flops", "rf", "activations", "depth", "units", "connections", "peak"]
    assert problems(zoo.trace(f"torchvision:{name}"), passes) == []


@pytest.mark.slow
def test_every_formula_of_torchvisions_classifiers() -> None:
    """All eighty. Chains and sums of other columns grow with the square of the depth: see the next test."""
    assert problems_of_all(["output", "params", "macs", "flops", "activations"]) == []


@pytest.mark.stress
@pytest.mark.timeout(3600)
def test_every_chain_of_torchvisions_classifiers() -> None:
    """A quarter of an hour for all eighty; the first of these tests has a network of each kind."""
    assert problems_of_all(["rf", "depth", "units", "connections", "peak"]) == []


def problems_of_all(columns: list[str]) -> list[str]:
    from torchvision import models

    names = models.list_models(module=models)
    assert len(names) >= 80
    return [text for name in names for text in problems(zoo.trace(f"torchvision:{name}"), columns)]


@pytest.mark.parametrize("convention", ["fvcore", "ptflops", "thop", "torch", "torchinfo"])
def test_counts_of_tools_add_up(convention: str) -> None:
    from zoo.analysis.conventions import under

    trace = zoo.trace("lenet5")
    assert [
        text for place in places(trace) for one in under(convention, choose(["macs", "flops"])) for text in wrong(one, place)
    ] == []


def test_a_chain_ends_at_what_rf_says() -> None:
    """The last line of each axis is the window of the first unit, as `zoo rf` has it without the border."""
    for name, layer in (("alexnet", "pool5"), ("googlenet", "inception_4e"), ("resnet18", "conv4_x")):
        (rf,) = zoo.explain(name, layer, ["rf"]).quantities
        ends = {line.part: line.result for line in rf.lines if line.part}
        for axis, extent in enumerate(zoo.receptive_field(name, layer, (0, 0)).axes):
            assert extent.unclipped == (ends["from", axis], ends["from", axis] + ends["size", axis] - 1)


def test_ends_of_different_branches() -> None:
    """One branch reaches further to the front, the other to the back: each end has a chain of its own."""
    from torch import Tensor, nn

    class Fork(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.front, self.back = nn.Conv2d(1, 1, 3, padding=(2, 1)), nn.Conv2d(1, 1, 3, padding=(0, 1))

        def forward(self, x: Tensor) -> Tensor:
            return self.front(x)[:, :, :6] + self.back(x)[:, :, :6]

    trace = zoo.trace(Fork(), input=(1, 1, 8, 8))
    assert problems(trace) == []
    text = str(zoo.explain(trace, "add", ["rf"]))
    assert "height, from:" in text
    assert "height, to:" in text


def test_a_shared_parameter_says_where_it_was_counted() -> None:
    from torch import Tensor, nn

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Linear(4, 4)
            self.other = nn.Linear(4, 4)
            self.other.weight = self.one.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.other(self.one(x))

    found = zoo.explain(Twice(), "other", ["params"], input=(1, 4))
    assert found.quantities[0].cell == 4
    assert "weight 4×4: shared with one, which counts it" in found.notes


def test_unknown_layers_are_refused() -> None:
    with pytest.raises(zoo.ZooError, match="unknown layer of alexnet 'conv9'; did you mean"):
        zoo.explain("alexnet", "conv9")


def test_factors_by_name_in_json() -> None:
    data = zoo.explain("alexnet", "conv2", ["macs"]).to_dict()
    (line,) = data["quantities"][0]["lines"]
    expected = {"N": 1, "C_out": 256, "H_out": 27, "W_out": 27, "C_in/groups": 48, "k_h": 5, "k_w": 5}
    assert (data["schema"], line["operands"], line["result"]) == ("zoo.explanation/1", expected, 223_948_800)


# In Python and in notebooks ----------------------------------------------------------------------------------------------


def test_a_table_explains_its_rows() -> None:
    """Kills a derivation of another forward, convention or set of columns than the table's."""
    table = zoo.summary("lenet5", batch=3, columns=["output", "macs"], convention="thop")
    found = table.explain("C1")
    assert [one.column.name for one in found.quantities] == ["output", "macs"]
    assert [one.cell for one in found.quantities] == [table.rows[0].cells["output"], table.rows[0].cells["macs"]]
    assert found.context["convention"] == "thop"
    assert table.explain(columns=["params"]).quantities[0].cell == zoo.summary("lenet5").total["params"]
    assert pickle.loads(pickle.dumps(table)).select(top=1).explain("C1") == found
    assert table == zoo.summary("lenet5", batch=3, columns=["output", "macs"], convention="thop")
    with pytest.raises(zoo.ZooError, match="unknown layer of lenet5 'C9'"):
        table.explain("C9")
    with pytest.raises(zoo.ZooError, match="expected the table of a model's layers"):
        zoo.compare().explain("C1")


SIGNS = {"·": "*", "−": "-", "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")", ",": ", "}


def evaluated(node: minidom.Node) -> str:
    """A formula of MathML as Python writes it."""
    inside = [evaluated(one) for one in node.childNodes]
    match node.nodeName:
        case "#text":
            return node.nodeValue or ""
        case "mo":
            return SIGNS.get(inside[0], inside[0])
        case "mfrac":
            return f"(({inside[0]}) / ({inside[1]}))"
        case "msub":
            return "_".join(inside)
    return "".join(inside)


@pytest.mark.parametrize("name", ["lenet5", "googlenet", "resnet18"])
def test_typeset_formulas_say_the_same(name: str) -> None:
    """Kills a sign, a pair of brackets or an operand lost on the way to MathML: what is typeset is computed again."""
    tried = 0
    for place in list(places(zoo.trace(name)))[:40]:
        for one in choose(["output", "params", "macs", "rf", "connections"]):
            (cell,), _ = one.measure(place.trace, [place.group])
            for line in one.working(place, cell):  # type: ignore[attr-defined]
                if line.formula and (typeset := math_of(line)).startswith("<math>"):
                    formulas = evaluated(minidom.parseString(typeset).documentElement).split("=")
                    if len(formulas) == 3:  # symbols, numbers, result; a single number stands once
                        assert computed(formulas[1]) == computed(formulas[2])
                        tried += 1
    assert tried > 100


def test_notebooks_show_formulas() -> None:
    page = zoo.summary("alexnet").explain("conv1", ["macs"])._repr_html_()
    assert "<msub><mi>C</mi><mtext>out</mtext></msub><mo>·</mo>" in page
    assert "<mo>=</mo><mn>105,415,200</mn></math>" in page
    minidom.parseString(f"<body>{page}</body>")


def test_the_smallest_path_has_a_working() -> None:
    """Kills the hull at a join where the least of its branches is asked for."""
    (quantity,) = zoo.explain("resnet18", "conv3_x.0", ["rf_min"]).quantities
    joined = [line for line in quantity.lines if line.formula.startswith("min(")]
    assert [line.numbers for line in joined if line.axis == "height"] == ["min(27, 11)", "min(27, 11)", "min(35, 11)"]
    assert "conv3_x.0.shortcut.bn sees least" in joined[-1].says
