"""Drawings: lines are the edges of the trace, no box covers another, no label leaves its box, and files repeat byte for byte."""

import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from cProfile import Profile
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from torch import nn

import zoo
from zoo.extend.picture import pictures
from zoo.pictures._bus import find_bus
from zoo.pictures._grid import Box
from zoo.pictures._layout import place
from zoo.pictures._metrics import ADVANCES, fitted, text_width, wrapped
from zoo.pictures._scene import COLUMN_MM, DARK, FONT, LIGHT, moved
from zoo.pictures._stages import Maps, maps_of
from zoo.pictures._tikz import escaped
from zoo.pictures.draw import LEVELS, diagram, drawing
from zoo.questions.survey import targets
from zoo.record.trace import UNUSED, Trace
from zoo_cli import terminal
from zoo_cli.main import run

SPEC = spec_from_file_location("drawings", Path(__file__).parent.parent / "benchmarks" / "drawings.py")
assert SPEC is not None
assert SPEC.loader is not None
drawings: Any = module_from_spec(SPEC)
SPEC.loader.exec_module(drawings)

wrong = drawings.wrong

# All drawings hold it ------------------------------------------------------------------------------------------------------

HOWS = ({}, {"level": "blocks"}, {"level": "layers"}, {"level": "layers", "direction": "right"})
FEW = ("lenet5", "alexnet", "googlenet", "resnet50", "torchvision:shufflenet_v2_x1_0")
CALLS = 4_000_000  # of functions, about a second


def faults(name: str) -> Iterator[str]:
    """All that is wrong with the drawings of a network, at each level."""
    trace = zoo.trace(name)
    for how in HOWS:
        with Profile() as profile:
            scene = drawing(trace, **how)
        if found := wrong(trace, scene, 1e6 if "direction" in how else COLUMN_MM):
            yield f"{name} {how}: {found}"
        if (calls := sum(one.callcount for one in profile.getstats())) > CALLS:
            yield f"{name} {how}: {calls} calls"


@pytest.mark.parametrize("name", FEW)
def test_drawing(name: str) -> None:
    """Kills lines that the trace does not have, boxes over others, labels beyond their box, and pages too wide to print."""
    assert list(faults(name)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.list_models())
def test_catalogue(name: str) -> None:
    """Kills a network of the catalogue that is drawn wrong."""
    assert list(faults(name)) == []


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["torchvision:*", "timm:*"])
@pytest.mark.filterwarnings("ignore")
def test_libraries(pattern: str) -> None:
    """Kills a layout that fails for one network in two thousand; benchmarks/drawings.py draws all of them."""
    pytest.importorskip(pattern.partition(":")[0])
    names = targets([pattern])
    records = [drawings.check(name) for name in names[:: len(names) // 24]]
    assert sum(len(record["drawings"]) for record in records) == 3 * len(records)
    assert [line for record in records for line in drawings.faults(record)] == []


def test_a_crowd_is_one_box() -> None:
    """Kills a drawing of a thousand ops in a row, and one that hides ops where there are few."""
    trace = zoo.trace(Crowd(200), input=(1, 4, 8, 8))
    scene = drawing(trace, level="layers")
    assert wrong(trace, scene) == {}
    (crowd,) = [node for node in scene.nodes if len(node.ops) > 1]
    assert crowd.kind == "200 ops: add"
    few = drawing(zoo.trace(Crowd(20), input=(1, 4, 8, 8)), level="layers")
    assert sum(node.kind == "add" for node in few.nodes) == 20


class Crowd(nn.Module):
    """A convolution and many additions."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.conv, self.times = nn.Conv2d(4, 4, 3, padding=1), times

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        for _ in range(self.times):
            y = y + x
        return y


def test_ids_differ() -> None:
    """Kills a layer whose name is that of the input's box, or that differs from another's by a sign that ids cannot hold."""
    net = nn.Sequential()
    for name, stride in (("input", 2), ("a b", 2), ("a_b", 1), ("output", 2)):
        net.add_module(name, nn.Conv2d(3, 3, 3, stride=stride))
    trace = zoo.trace(net, input=(1, 3, 65, 65))
    for level in LEVELS:
        assert wrong(trace, drawing(trace, level=level)) == {}


def test_lanes_beside_stages() -> None:
    """Kills a line around the stages that leaves the page, as where some lines skip stages in one row and others between rows."""
    pytest.importorskip("timm")
    trace = zoo.trace("timm:deepseek_vit_412m")
    assert wrong(trace, drawing(trace, level="stages")) == {}


@pytest.mark.parametrize(
    ("target", "layer", "how"),
    [
        ("googlenet", "inception_3a", {}),
        ("torchvision:densenet121", "features.denseblock2", {}),
        ("torchvision:densenet121", "features.denseblock2", {"direction": "right"}),
        ("torchvision:resnet50", "layer2.0", {"by": "macs"}),
        ("torchvision:inception_v3", "Mixed_7b", {"depth": 1}),
    ],
)
def test_layer(target: str, layer: str, how: dict[str, str]) -> None:
    """Kills a module that is drawn otherwise alone than in its network."""
    trace = zoo.trace(target)
    scene = drawing(trace, layer=layer, **how)
    assert wrong(trace, scene, 1e6 if "direction" in how else COLUMN_MM) == {}
    call = next(i for i, call in enumerate(trace.calls) if call.path == layer)
    assert {op for node in scene.nodes for op in node.ops if op >= 0 and _within(trace, trace.ops[op].call, call)} == {
        i for i, op in enumerate(trace.ops) if _within(trace, op.call, call) and op.kind != UNUSED
    }


def _within(trace: Trace, call: int | None, outer: int) -> bool:
    while call is not None and call != outer:
        call = trace.calls[call].parent
    return call == outer


def test_what_is_wrong_is_seen() -> None:
    """Kills checks that cannot fail: a line left out, one too many, one that ends elsewhere, a box moved, a label too long."""
    trace = zoo.trace("googlenet")
    scene = drawing(trace, level="layers")
    assert wrong(trace, scene) == {}
    line = next(wire for wire in scene.wires if wire.source.endswith("inception_3a.conv1x1"))
    others = tuple(wire for wire in scene.wires if wire is not line)
    without = replace(scene, wires=others)
    assert wrong(trace, without)["missing"] == [("layer-inception_3a.conv1x1", "layer-inception_3a.cat")]
    more = replace(line, targets=(*line.targets, "layer-inception_3a.pool"))
    assert set(wrong(trace, replace(scene, wires=(*others, more)))) == {"invented", "touches"}
    box = next(node for node in scene.nodes if node.layer == "inception_3a.pool")
    rest = tuple(node for node in scene.nodes if node is not box)
    assert "overlaps" in wrong(trace, replace(scene, nodes=(*rest, moved(box, -20, 0))))
    long = replace(box, texts=tuple(replace(text, text=f"{text.text} and more and more") for text in box.texts))
    assert set(wrong(trace, replace(scene, nodes=(*rest, long)))) == {"labels"}
    assert "width" in wrong(trace, scene, 40)


def test_repeats_are_folded() -> None:
    """Kills a drawing of every block, and a number of repetitions that is not the table's."""
    scene = drawing(zoo.trace("resnet152"), level="blocks")
    shown = [text.text for node in scene.nodes for text in node.texts]
    folded = {row.times for row in zoo.summary("resnet152", depth=2, fold=True).rows}
    assert any("×35" in text for text in shown)
    assert {int(text.partition("×")[2].split()[0]) for text in shown if re.search(r" ×\d+( |$)", text)} <= folded


def test_a_dense_block_has_a_bus() -> None:
    """Kills a rule for dense blocks that never applies, or applies to what is not dense."""
    dense = [(i, j) for j in range(1, 7) for i in range(j)]
    found = find_bus(7, dense)
    assert found is not None
    assert (found.members, set(found.sources), found.sink) == ((1, 2, 3, 4, 5), {0}, 6)
    assert find_bus(7, [edge for edge in dense if edge != (1, 4)]) is None
    assert find_bus(5, [(i, i + 1) for i in range(4)]) is None


def test_a_residual_unit_stands_straight() -> None:
    """Kills a main path that zigzags around its shortcut."""
    box = Box(20, 20, 10)
    placed = place([box] * 5, [(0, 1), (1, 2), (2, 3), (0, 3), (3, 4)], 240)
    assert len({round(one.x, 3) for one in placed.boxes}) == 1


# What is written -----------------------------------------------------------------------------------------------------------


def test_costs_add_up() -> None:
    """Kills shares that are not those of the table."""
    for by, column in (("params", "params"), ("macs", "macs")):
        table = zoo.draw("alexnet", by=by, level="layers").table
        total = zoo.summary("alexnet").total[column]
        cells = {row.name: row.cells[column] for row in zoo.summary("alexnet").rows}
        shares = {row.name: row.cells["share"] for row in table.rows if row.cells["share"] is not None}
        assert sum(shares.values()) == pytest.approx(1)
        assert shares["conv2"] == pytest.approx(cells["conv2"] / total)


def test_files_repeat() -> None:
    """Kills dates, random ids and sets in no order: the same bytes, in another process too."""
    kept = json.dumps(zoo.trace("googlenet").to_dict())
    picture = diagram(zoo.trace("googlenet"), level="layers")
    assert picture.encode("tikz") == diagram(Trace.from_dict(json.loads(kept)), level="layers").encode("tikz")
    for seed in ("1", "2"):
        seeded = {**os.environ, "PYTHONHASHSEED": seed}
        code = f"{_KEPT}sys.stdout.write(diagram(trace, level='layers').svg())"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, input=kept, env=seeded)
        assert done.stdout == picture.svg()


_KEPT = (
    "import json, sys\nfrom zoo.record.trace import Trace\nfrom zoo.pictures.draw import diagram\n"
    "trace = Trace.from_dict(json.load(sys.stdin))\n"
)


def test_pdf_and_png_repeat() -> None:
    """Kills a date in a PDF, and a PNG of another size than the page."""
    pytest.importorskip("matplotlib")
    picture = diagram(zoo.trace("lenet5"), level="blocks", by="params")
    pdf, png = picture.encode("pdf"), picture.encode("png")
    assert (pdf, png) == (picture.encode("pdf"), picture.encode("png"))
    assert pdf.startswith(b"%PDF")
    assert b"CreationDate" not in pdf
    assert png[:8] == b"\x89PNG\r\n\x1a\n"


def test_svg_without_torch_and_matplotlib() -> None:
    """Kills an SVG that waits for torch where a kept trace is there, or for matplotlib."""
    code = f"{_KEPT}diagram(trace, by='macs').svg()\nprint(*sorted({{'torch', 'matplotlib', 'numpy', 'typer'}} & set(sys.modules)))"
    kept = json.dumps(zoo.trace("alexnet").to_dict())
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, input=kept)
    assert done.stdout == "\n"


def test_svg_is_made_for_pages() -> None:
    """Kills ids that are not unique, boxes without a layer, and lines that lead from or to nothing."""
    root = ElementTree.fromstring(diagram(zoo.trace("resnet18"), level="layers").svg())
    space = "{http://www.w3.org/2000/svg}"
    groups = list(root.iter(f"{space}g"))
    ids = [group.get("id") for group in groups if group.get("id")]
    assert len(set(ids)) == len(ids) > 20
    assert all(group.get("data-layer") for group in groups if group.get("id"))
    for group in groups:
        if group.get("data-from"):
            assert {group.get("data-from"), *str(group.get("data-to")).split()} <= set(ids)
    rows = {row.name for row in zoo.summary("resnet18").rows} | {call.path for call in zoo.trace("resnet18").calls}
    layers = {str(group.get("data-layer")) for group in groups if group.get("class") == "node"} - {"input", "output"}
    assert all(name in rows or "–" in name for name in layers)
    style = root.findtext(f"{space}style") or ""
    assert "prefers-color-scheme:dark" in style
    assert "[data-theme=dark]" in style


def luminance(colour: str) -> float:
    """Relative luminance after WCAG 2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_is_readable_on_every_colour() -> None:
    """Kills a colour on which text has less contrast than WCAG 2 asks for (4.5), on paper, in grey and in the dark."""
    faces = {name for name in LIGHT if name not in {"ink", "soft", "line", "edge", "frame-edge", "bar"} and "-" not in name}
    for colours in (LIGHT, DARK):
        for face in faces:
            for ink in ("ink", "soft") if not face.startswith("heat") else ("ink",):
                light, dark = sorted([luminance(colours[face]), luminance(colours[ink])], reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (face, ink)


def test_shares_are_seen_in_grey() -> None:
    """Kills a scale of colours whose lightness does not fall."""
    for colours, falls in ((LIGHT, True), (DARK, False)):
        steps = [luminance(colours[f"heat{i}"]) for i in range(7)]
        assert steps == sorted(steps, reverse=falls)
        assert len(set(steps)) == 7


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("how", [{"layer": "inception_3a", "by": "macs"}, pytest.param({}, marks=pytest.mark.slow)], ids=str)
def test_tikz_compiles(how: dict[str, str], tmp_path: Path) -> None:
    """Kills TikZ that needs more than pdflatex: by itself, and in a paper."""
    zoo.draw("googlenet", **how).write(tmp_path / "net.tikz")
    paper = r"\documentclass{article}\usepackage{tikz}\begin{document}A \input{net.tikz} B\end{document}"
    (tmp_path / "paper.tex").write_text(paper)
    for name in ("net.tikz", "paper.tex"):
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", name]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout[-500:]
        assert "1 page" in done.stdout


def test_tikz_escapes() -> None:
    """Kills a name that LaTeX takes for a command."""
    assert escaped(r"a_b%c #1 {x} 3×3 2–4 é") == r"a\_b\%c \#1 \{x\} 3$\times$3 2--4 ?"


# Widths of text ------------------------------------------------------------------------------------------------------------


def test_widths_are_those_of_the_font() -> None:
    """Kills a width that was typed wrong: the font's own, as matplotlib ships it."""
    matplotlib = pytest.importorskip("matplotlib")
    from matplotlib.ft2font import FT2Font, LoadFlags

    font = FT2Font(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"))
    for sign, width in ADVANCES.items():
        assert font.load_char(ord(sign), flags=LoadFlags.NO_SCALE).horiAdvance == width, sign
    assert set(map(chr, range(32, 127))) <= ADVANCES.keys()


def test_shortening() -> None:
    """Kills a label that is cut although it fits, or that is too wide after it was cut."""
    assert fitted("conv1", FONT, 30) == "conv1"
    for width in (10, 20, 30, 50):
        assert text_width(fitted("features.inception_3a.conv", FONT, width), FONT) <= width
        assert all(text_width(line, FONT) <= width for line in wrapped("3×3 max pool /2 dil 2", FONT, width))
    assert text_width("字", 10) == 10


# The command ---------------------------------------------------------------------------------------------------------------


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a suffix that is not understood, and a picture that is written to standard output unasked."""
    monkeypatch.chdir(tmp_path)
    for name in ("net.svg", "net.tikz", "net.json", "net.csv"):
        assert run(["draw", "lenet5", "-o", name]) == 0
        assert (tmp_path / name).stat().st_size > 100
    assert capsys.readouterr() == ("", "")
    assert run(["draw", "lenet5", "-f", "svg"]) == 0
    assert capsys.readouterr().out == (tmp_path / "net.svg").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "net.json").read_text(encoding="utf-8"))["rows"][1]["reads"] == "input"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "this terminal shows no images; pass -o net.svg"),
        (["-o", "net.gif"], "net.gif: cannot infer the format from the suffix; expected one of .svg .tikz .pdf .png"),
        (["-o", "nowhere/net.svg"], "cannot write nowhere/net.svg: No such file or directory"),
        (["-o", "net.svg", "--layer", "C9"], "unknown layer of lenet5 'C9'"),
        (["-o", "net.svg", "--by", "cost"], "unknown cost 'cost'; did you mean macs?"),
        (["-o", "net.svg", "--level", "stage"], "unknown level 'stage'; did you mean stages?"),
        (["-o", "net.svg", "--direction", "up"], "unknown direction 'up'"),
        (["-o", "net.svg", "--level", "blocks", "--depth", "1"], "level and depth exclude each other"),
        (["-o", "net.svg", "--level", "stages", "--layer", "C3"], "stages are those of the whole network"),
        (["-o", "net.svg", "--width", "3"], "width: expected 40 to 2000 mm, got 3"),
        (["-f", "png"], "--format png requires -o FILE"),
        (["-f", "jpeg"], "unknown format 'jpeg'"),
    ],
)
def test_mistakes(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kills a mistake that is not told in one line, or that leaves a file."""
    monkeypatch.chdir(tmp_path)
    assert run(["draw", "lenet5", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"zoo: {says}")
    assert told.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kills a traceback, or minutes of work, before the missing package is named; SVG and TikZ need none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(["draw", "lenet5", "-o", "net.pdf"]) == 2
    assert "requires matplotlib" in capsys.readouterr().err
    assert run(["draw", "lenet5", "-o", "net.svg"]) == 0


def test_stages_need_maps(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Kills volumes of a network that has none, and a refusal without a way on."""
    from torch import nn

    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    with pytest.raises(zoo.ZooError, match="no feature maps of several sizes; draw it with --level blocks"):
        zoo.draw(net, input=(1, 4), level="stages")
    assert [row.name for row in zoo.draw(net, input=(1, 4)).table.rows] == ["input", "0", "2", "output"]


def test_kind_and_notebook() -> None:
    """Kills a picture that the collection does not offer, or that a notebook shows as text."""
    assert pictures()["draw"].draw is diagram
    shown = zoo.draw("lenet5")._repr_mimebundle_()
    assert shown["image/svg+xml"].startswith("<svg")
    assert "C1" in shown["text/plain"]


# Terminals -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, None),
        ({}, None),
    ],
)
def test_protocols(environment: dict[str, str], protocol: str | None) -> None:
    """Kills escape sequences in a terminal that prints them as signs."""
    assert terminal.protocol(environment) == protocol


def test_kitty_and_iterm_carry_the_file() -> None:
    """Kills chunks that are lost or marked wrong."""
    png = bytes(range(256)) * 40
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", terminal.kitty(png))
    assert base64.b64decode("".join(data for _, data in parts)) == png
    assert [head for head, _ in parts] == ["a=T,f=100,m=1", *["m=1"] * (len(parts) - 2), "m=0"]
    assert max(len(data) for _, data in parts) <= 4096
    assert base64.b64decode(terminal.iterm(png).partition(":")[2].removesuffix("\x07")) == png


def test_sixels_are_the_image() -> None:
    """Kills an encoder that loses rows or colours: what is written is read back, pixel by pixel."""
    image = pytest.importorskip("PIL.Image")
    rows = [[(255, 0, 0) if (x + y) % 5 else (0, 0, 255) for x in range(9)] for y in range(8)]
    flat = b"".join(bytes(pixel) for row in rows for pixel in row)
    file = io.BytesIO()
    image.frombytes("RGB", (9, 8), flat).save(file, "PNG")
    assert sixels(terminal.sixel(file.getvalue())) == {(x, y): rows[y][x] for y in range(8) for x in range(9)}


def sixels(text: str) -> dict[tuple[int, int], tuple[int, ...]]:
    """A reader of sixels, after DEC's manual."""
    body = text.removesuffix("\x1b\\").partition("q")[2]
    body = re.sub(r'^"[\d;]*', "", body)
    colours: dict[int, tuple[int, ...]] = {}
    found: dict[tuple[int, int], tuple[int, ...]] = {}
    x = y = colour = 0
    for token in re.findall(r"#\d+;2;\d+;\d+;\d+|#\d+|!\d+.|\$|-|[?-~]", body):
        if ";" in token:
            number, _, *levels = map(int, token[1:].split(";"))
            colours[number] = tuple(round(level * 2.55) for level in levels)
        elif token[0] == "#":
            colour = int(token[1:])
        elif token == "$":
            x = 0
        elif token == "-":
            x, y = 0, y + 6
        else:
            count, sign = (int(token[1:-1]), token[-1]) if token[0] == "!" else (1, token)
            for column in range(x, x + count):
                found |= {(column, y + bit): colours[colour] for bit in range(6) if (ord(sign) - 63) >> bit & 1}
            x += count
    return found


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("googlenet", ["inception_4a–c", "conv2_reduce"]),
        ("torchvision:convnext_tiny", ["features.2–3", "classifier.2"]),
        ("torchvision:deeplabv3_resnet50", ["upsample_", "bilinear2d"]),
    ],
)
def test_names_of_stages(name: str, lines: list[str]) -> None:
    """Kills a name that is cut in the middle where a shorter one or two lines say it all."""
    page = zoo.draw(name).svg()
    assert "…" not in page
    assert [line for line in lines if f">{line}</text>" not in page] == []


def test_stage_of_several_layers() -> None:
    """Kills a stage named after its first op, which joins tensors, where a block of layers follows in it."""
    net = zoo.trace(Joined(), input=(1, 3, 16, 16))
    names = [row.name for row in zoo.draw(net).table.rows]
    assert "body" in names
    assert "cat" not in names


class Joined(nn.Module):
    """Two branches that are concatenated, and a block of convolutions on what they make."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, 2, 1)
        self.left, self.right = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.body = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns scores N×2 of an image N×3×H×W."""
        x = self.stem(x)
        x = self.body(torch.cat([self.left(x), self.right(x)], 1))
        y: torch.Tensor = self.fc(self.pool(x).flatten(1))
        return y


def test_local_normalisation_is_named() -> None:
    """Kills the ops of which a layer is made, in the place of its name."""
    page = zoo.draw("googlenet", level="blocks").svg()
    assert "+ ReLU, LRN" in page
    assert "pool3d" not in page


def test_vectors_are_no_tall_maps() -> None:
    """Kills a volume as high as there are channels at one position, where these come last: 1×1×1×768."""
    assert maps_of((1, 1, 1, 768)) == Maps(768, ())
    assert maps_of((1, 7, 7, 768)) == maps_of((1, 768, 7, 7)) == Maps(768, (7, 7))
