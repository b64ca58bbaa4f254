"""The report in a browser: quick, offline, usable by keyboard, complete on paper, and with the same numbers as `zoo summary`."""

import io
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest

import zoo

pytestmark = pytest.mark.browser

Opened = Callable[..., Any]
ReportOf = Callable[..., Path]
Slowness = Callable[[], float]


# Budgets: the best of several, since others use the machine too, in milliseconds of a machine of usual speed


def ready(page: Any) -> float:
    """Milliseconds from the start of the load until the page can be used."""
    return float(page.evaluate("performance.getEntriesByName('ready')[0].startTime"))


@pytest.mark.parametrize(("name", "most", "load"), [("resnet152", 300_000, 300), ("torchvision:densenet201", 1_000_000, 1000)])
def test_load(name: str, most: int, load: int, report_of: ReportOf, opened: Opened, slowness: Slowness) -> None:
    """Kills a page that grows with the square of the network, or that has to be waited for."""
    assert report_of(name).stat().st_size <= most
    assert any(ready(opened(report_of(name))) <= load * slowness() for _ in range(15))


LASTS = """async (act) => {
  const times = [];
  for (let i = 0; i < 7; i++) {
    const start = performance.now();
    act(i);
    document.body.offsetHeight; // lays the page out
    times.push(performance.now() - start);
    await new Promise(requestAnimationFrame);
  }
  return Math.min(...times.slice(1));
}"""
SORT = "() => document.querySelector('[data-sort=macs]').click()"
FILTER = """(i) => {
  const search = document.querySelector(".filter");
  search.value = i % 2 ? "conv*" : "";
  search.dispatchEvent(new Event("input"));
}"""


@pytest.mark.parametrize("act", [SORT, FILTER], ids=["sort", "filter"])
def test_act(act: str, report_of: ReportOf, opened: Opened, slowness: Slowness) -> None:
    """Kills a table that answers late."""
    assert opened(report_of("resnet152")).evaluate(f"({LASTS})({act})") <= 100 * slowness()


# What it says


def read(text: str) -> Any:
    """A cell as `zoo summary --format json` has it."""
    if text == "–":
        return None
    if field := re.fullmatch(r"([\d×]+)@(.+?)(\*?)", text):
        firsts = field[2].split("×")
        parts = [re.fullmatch(r"(?:(\d*)i(?:/(\d+))?)?([+-]?\d+)?", one) for one in firsts]
        stride = [0 if "i" not in one else int(part[1] or 1) for one, part in zip(firsts, parts, strict=True) if part]
        padding = [-int(part[3] or 0) for part in parts if part]
        sizes = [int(size) for size in field[1].split("×")]
        found = {"size": sizes * (3 - len(sizes)), "stride": stride * (3 - len(stride)), "padding": padding * (3 - len(padding))}
        return {**found, "global": True} if field[3] else found
    if "×" in text:
        return [int(size) for size in text.split("×")]
    return int(text.replace(",", ""))


CELLS = """() => [...document.querySelectorAll("[role=treegrid] tbody tr")]
  .map((row) => [...row.cells].map((cell) => cell.textContent))"""


@pytest.mark.parametrize("name", ["googlenet", "resnet152"])
def test_numbers(name: str, report_of: ReportOf, opened: Opened) -> None:
    """Kills a number that is not the table's."""
    page = opened(report_of(name))
    expected = json.loads(zoo.summary(name).render("json"))
    heads = page.eval_on_selector_all("[role=treegrid] thead button", "all => all.map(one => one.dataset.sort)")
    rows = {cells[0]: dict(zip(heads[2:], map(read, cells[2:]), strict=True)) for cells in page.evaluate(CELLS)}
    for row in expected["rows"]:
        assert rows[row["name"]] == {column: row[column] for column in heads[2:]}
    assert rows[name] == expected["total"]
    shown = dict(zip(page.locator(".totals dt").all_inner_texts(), page.locator(".totals dd").all_inner_texts(), strict=True))
    assert all(read(shown[column]) == total for column, total in expected["total"].items() if column != "output")


def test_working(report_of: ReportOf, opened: Opened) -> None:
    """Kills a working that is not what `zoo explain` prints."""
    page = opened(report_of("googlenet"), at="#inception_3a.conv5x5")
    page.eval_on_selector_all("details", "all => all.forEach(one => (one.open = true))")
    page.wait_for_function("document.querySelectorAll('.working').length === document.querySelectorAll('details').length")
    explained = zoo.explain("googlenet", "inception_3a.conv5x5", ["params", "macs", "rf"])
    said = {column: page.locator(f"details[data-column={column}] .working").inner_text() for column in ("params", "macs", "rf")}
    for quantity in explained.quantities:
        for line in quantity.lines:
            if line.formula and line.axis != "width":
                assert line.numbers in said[quantity.column.name]


# One selection


def chosen(page: Any) -> set[str]:
    """The names that the parts of the page show as selected."""
    row = page.locator("tr[aria-selected=true] th").text_content()
    heading = page.locator("#inspector h3.name").inner_text()
    spoken = [
        value.partition(",")[0] for value in page.eval_on_selector_all("[role=slider]", "all => all.map(one => one.ariaValueText)")
    ]
    return {row, heading, *spoken}


def test_one_selection(report_of: ReportOf, opened: Opened) -> None:
    """Kills a part that goes its own way, and an address that does not bring the selection back."""
    page = opened(report_of("googlenet"))
    assert chosen(page) == {zoo.summary("googlenet", top=1).rows[0].name}
    page.locator(".icicle rect[data-node]").nth(5).click()
    (first,) = chosen(page)
    page.locator(".growth-plot").click(position={"x": 400, "y": 80})
    (second,) = chosen(page)
    assert second != first
    page.locator("[role=treegrid] tr", has_text="conv1").locator("td").nth(2).click()
    assert chosen(page) == {"conv1"}
    page.wait_for_url("**#conv1")
    again = opened(report_of("googlenet"), at="#inception_4e.conv3x3")
    assert chosen(again) == {"inception_4e.conv3x3"}
    again.evaluate("location.hash = 'conv2'")
    again.wait_for_function("document.querySelector('#inspector h3.name').textContent === 'conv2'")


def test_by_keyboard_alone(report_of: ReportOf, opened: Opened) -> None:
    """Kills a part that only a mouse reaches."""
    page = opened(report_of("googlenet"))

    def tab_to(selector: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"Tab does not reach {selector}")

    tab_to(".icicle")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    (first,) = chosen(page)
    page.keyboard.press("ArrowRight")
    assert chosen(page) != {first}
    tab_to(".units input, details summary")
    tab_to(".growth-plot")
    page.keyboard.press("End")
    last = chosen(page)
    page.keyboard.press("ArrowLeft")
    assert chosen(page) != last
    tab_to("[data-sort=macs]")
    tab_to("[role=treegrid] tr")
    page.keyboard.press("Home")
    assert chosen(page) == {"googlenet"}
    visible = "[...document.querySelectorAll('[role=treegrid] tbody tr')].filter(row => !row.hidden).length"
    whole = page.evaluate(visible)
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(visible) == 1
    page.keyboard.press("ArrowRight")
    assert page.evaluate(visible) == whole
    names = []
    for _ in range(12):
        page.keyboard.press("ArrowDown")
        names += chosen(page)
    assert len(set(names)) == 12
    page.keyboard.press("ArrowUp")
    assert chosen(page) == {names[-2]}
    assert page.evaluate("document.activeElement.ariaSelected") == "true"


def test_sorted_and_filtered(report_of: ReportOf, opened: Opened) -> None:
    """Kills an order or a filter that is not that of the numbers."""
    page = opened(report_of("googlenet"))
    shown = (
        "[...document.querySelectorAll('[role=treegrid] tbody tr')].filter(row => !row.hidden).map(row => row.cells[0].textContent)"
    )
    page.locator("[data-sort=macs]").click()
    table = zoo.summary("googlenet", sort="macs")
    assert [table_row.cells["macs"] for table_row in table.rows] == [
        read(text) for text in page.evaluate(shown.replace("cells[0]", "cells[4]"))
    ]
    page.locator(".filter").fill("macs>100M")
    assert set(page.evaluate(shown)) == {row.name for row in table.rows if row.cells["macs"] > 100_000_000}
    page.locator("[data-sort=macs]").click()
    page.locator("[data-sort=macs]").click()
    page.locator(".filter").fill("*.pool_proj")
    assert page.evaluate(shown) == [row.name for row in zoo.summary("googlenet", filter="*.pool_proj").rows]


def test_two_models(report_of: ReportOf, opened: Opened) -> None:
    """Kills a difference that is not marked, and a selection that the other model does not follow."""
    page = opened(report_of("alexnet", "alexnet_ungrouped"))
    differing = {row.name for row in zoo.diff("alexnet", "alexnet_ungrouped").rows}
    assert set(page.locator("#pane-b tr.changed th").all_inner_texts()) == {f"{name} changed" for name in differing}
    page.locator("#pane-a tr", has_text="conv4").first.click()
    assert page.locator("tr[aria-selected=true] th").all_inner_texts() == ["conv4 changed"] * 2
    params = [zoo.summary(name, filter="conv4").rows[0].cells["params"] for name in ("alexnet", "alexnet_ungrouped")]
    assert f"{params[0]:,} → {params[1]:,}" in page.locator("details[data-column=params] summary").inner_text()


# Who it is for


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("targets", [("googlenet",), ("resnet18", "resnet34")], ids=" ".join)
def test_accessible(targets: tuple[str, ...], dark: bool, report_of: ReportOf, opened: Opened, axe: str) -> None:
    """Kills too little contrast, controls without names, roles without rules."""
    page = opened(report_of(*targets), dark=dark, trusted=True)
    page.locator(".drawn-level").first.select_option("blocks")
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    assert {one["id"]: [node["html"][:200] for node in one["nodes"][:3]] for one in found} == {}


def test_axe_finds_faults(report_of: ReportOf, opened: Opened, axe: str) -> None:
    """Kills a check that finds nothing anywhere."""
    page = opened(report_of("lenet5"), trusted=True)
    page.evaluate(axe)
    page.evaluate("document.querySelector('.filter').closest('label').replaceWith(document.querySelector('.filter'))")
    page.evaluate("document.querySelector('.filter').placeholder = ''")
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    assert "label" in {one["id"] for one in found}


@pytest.mark.parametrize("width", [320, 768, 1440])
@pytest.mark.parametrize("targets", [("googlenet",), ("resnet18", "resnet34")], ids=" ".join)
def test_width(width: int, targets: tuple[str, ...], report_of: ReportOf, opened: Opened) -> None:
    """Kills a page that has to be moved sideways."""
    page = opened(report_of(*targets), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def plain(text: str) -> str:
    """Without spaces and ligatures."""
    return re.sub(r"\s", "", normalize("NFKC", text))


CUT = """all => all
  .filter((one) => one.checkVisibility() && !one.closest("svg"))
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1
    || (getComputedStyle(one).overflow !== "visible" && one.clientHeight && one.scrollHeight > one.clientHeight + 1))
  .map((one) => one.outerHTML.slice(0, 150))"""
"""What reaches beyond the page, or hides a part of itself."""


def test_print(report_of: ReportOf, opened: Opened) -> None:
    """Kills a row or a number that paper cuts off: the PDF says all that the page shows."""
    from pypdf import PdfReader

    page = opened(report_of("resnet152"))
    printed = PdfReader(io.BytesIO(page.pdf(format="A4")))
    text = plain("".join(sheet.extract_text() for sheet in printed.pages))
    places = "tr:not([hidden]) > *, h2, .cards p, .statements li, .facts dd"
    shown = page.eval_on_selector_all(places, "all => all.map(one => one.textContent)")
    assert len(shown) > 500
    assert [one for one in shown if plain(one) not in text] == []
    page.set_viewport_size({"width": 700, "height": 900})
    page.emulate_media(media="print")
    assert page.eval_on_selector_all("main *", CUT) == []
    page.emulate_media(media="screen")
    page.locator(".drawn-level").select_option("all open")
    page.emulate_media(media="print")
    box = page.locator(".drawing svg").bounding_box()
    assert box["height"] <= 273 * 96 / 25.4  # a sheet of A4 without its margins
    assert box["width"] > 40


# Whom it does not trust


HOSTILE = """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.names = ["<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", "' onmouseover='alert(3)"]
        self.names += ['" autofocus onfocus="alert(4)', "<!--", "{{ 7*7 }}", "</style><svg onload=alert(5)>", "alert(6)", "]]>"]
        for name in self.names:
            self.add_module(name, nn.Conv2d(3, 3, 1))

    def forward(self, x):
        for name in self.names:
            x = getattr(self, name)(x)
        return x
"""


def test_hostile_names(folder: Path, opened: Opened) -> None:
    """Kills a name that becomes markup, or that runs."""
    file = folder / "<b onclick=alert(0)>&amp;.py"
    file.write_text(HOSTILE, encoding="utf-8")
    html = folder / "hostile.html"
    html.write_text(zoo.report(f"{file}:Net", input=(1, 3, 8, 8)).html, encoding="utf-8")
    page = opened(html)
    names = [row.name for row in zoo.summary(f"{file}:Net", input=(1, 3, 8, 8)).rows]
    assert page.locator("[role=treegrid] tbody th").all_inner_texts()[1:] == names
    assert "<b onclick=alert(0)>&amp;.py" in page.locator("h1").inner_text()
    for index in range(len(names)):
        page.locator("[role=treegrid] tbody tr").nth(index + 1).click()
        assert chosen(page) == {names[index]}
    assert page.locator("img, [onclick], [onerror], [onload], [autofocus], b[onclick]").count() == 0


@pytest.mark.parametrize("net", ["words", "sound", "voxels", "recurrent", "nothing"])
def test_other_inputs(net: str, folder: Path, opened: Opened) -> None:
    """Kills a page that shows images only: words, sound, volumes, sequences, and a network that computes nothing."""
    from torch import nn

    nets: dict[str, tuple[nn.Module, Any]] = {
        "words": (nn.Sequential(nn.Embedding(50, 8), nn.Linear(8, 4)), zoo.Input((1, 12), "int64")),
        "sound": (nn.Sequential(nn.Conv1d(2, 4, 9, stride=4), nn.ReLU(), nn.Conv1d(4, 4, 3)), (1, 2, 200)),
        "voxels": (nn.Sequential(nn.Conv3d(1, 4, 3), nn.MaxPool3d(2)), (1, 1, 16, 16, 16)),
        "recurrent": (nn.LSTM(8, 16), (5, 1, 8)),
        "nothing": (nn.Identity(), (1, 3, 8, 8)),
    }
    module, given = nets[net]
    path = folder / f"{net}.html"
    path.write_text(zoo.report(module, input=given).html, encoding="utf-8")
    page = opened(path)
    rows = page.locator("[role=treegrid] tbody tr")
    for index in range(rows.count()):
        rows.nth(index).click()
        assert page.locator("#inspector details").count() == len(zoo.summary(module, input=given).columns)


def test_policy(report_of: ReportOf, folder: Path, browser: Any) -> None:
    """Kills a policy that lets through what is not the page's own."""
    path = folder / "tampered.html"
    text = report_of("lenet5").read_text(encoding="utf-8")
    path.write_text(
        text.replace("</main>", "<script>document.title = 'run'</script><img src='https://localhost/x.png'></main>"),
        encoding="utf-8",
    )
    page = browser.new_page()
    blocked: list[str] = []
    page.on("console", lambda message: blocked.append(message.text))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.title() != "run"
    assert sum("Content Security Policy" in message for message in blocked) == 2
    page.close()


def test_headings(report_of: ReportOf, opened: Opened) -> None:
    """Kills an outline that skips a level."""
    page = opened(report_of("googlenet"))
    levels = page.eval_on_selector_all("h1, h2, h3, h4", "all => all.map(one => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


# The diagram


DRAWN = """() => {
  const box = (rect) => ["x", "y", "width", "height"].map((name) => Number(rect.getAttribute(name)));
  const rects = (kind) => [...document.querySelectorAll(`.drawing .${kind} > rect`)].map(box);
  const nodes = rects("node"), frames = rects("group"), found = [];
  const apart = ([x, y, w, h], [u, v, a, b]) => x + w <= u + .05 || u + a <= x + .05 || y + h <= v + .05 || v + b <= y + .05;
  const within = ([x, y, w, h], [u, v, a, b]) => u >= x - .05 && v >= y - .05 && u + a <= x + w + .05 && v + b <= y + h + .05;
  nodes.forEach((one, i) => nodes.slice(0, i).forEach((other) => apart(one, other) || found.push(["overlap", one, other])));
  for (const frame of frames) for (const one of [...nodes, ...frames]) {
    if (frame !== one && !apart(frame, one) && !within(frame, one) && !within(one, frame)) found.push(["cut", frame, one]);
  }
  const at = ([px, py], [x, y, w, h]) => px > x - .2 && px < x + w + .2 && py > y - .2 && py < y + h + .2
    && Math.min(Math.abs(px - x), Math.abs(px - x - w), Math.abs(py - y), Math.abs(py - y - h)) < .3;
  const tips = document.querySelector(".drawing .tip").getAttribute("d").split("M").filter(Boolean);
  for (const tip of tips.map((one) => one.split("L")[0].split(" ").map(Number))) {
    if (![...nodes, ...frames].some((one) => at(tip, one))) found.push(["tip", tip]);
  }
  const { width, height } = document.querySelector(".drawing svg").viewBox.baseVal;
  for (const one of [...nodes, ...frames]) if (!within([0, 0, width, height], one)) found.push(["outside", one]);
  return [nodes.length, frames.length, tips.length, found];
}"""
"""How many boxes, frames and arrows there are; boxes that overlap or are cut, arrows that end nowhere, and what is off the page."""

TURN = """(number) => {
  const all = [...document.querySelectorAll(".drawing [data-inside]")];
  all[number % all.length].querySelector("rect").dispatchEvent(new MouseEvent("click", { bubbles: true }));
}"""


@pytest.mark.parametrize("name", ["googlenet", "torchvision:densenet201", "torchvision:swin_t"])
def test_modules_open_in_place(name: str, report_of: ReportOf, opened: Opened) -> None:
    """Kills an opened module that covers what was beside or below it, and a line that stays where its box was."""
    page = opened(report_of(name))
    page.locator(".drawn-level").select_option("blocks")
    at_first = page.evaluate(DRAWN)
    assert at_first[3] == []
    sizes = set()
    for step in range(12):
        page.evaluate(TURN, 7 * step)
        boxes, _, _, faults = page.evaluate(DRAWN)
        assert faults == []
        sizes.add(boxes)
    assert len(sizes) > 3
    page.locator(".drawn-level").select_option("all open")
    assert page.evaluate(DRAWN)[0] > 3 * at_first[0]
    assert page.evaluate(DRAWN)[3] == []
    page.evaluate("document.querySelector('.drawing .node > rect').setAttribute('x', -50)")
    assert page.evaluate(DRAWN)[3] != []


def test_a_module_opens_by_keyboard(report_of: ReportOf, opened: Opened) -> None:
    """Kills a module that only a mouse opens, and a state that is not spoken."""
    page = opened(report_of("googlenet"), at="#inception_3a")
    page.locator(".drawn-level").select_option("blocks")
    drawing = page.locator(".drawing")
    drawing.focus()
    assert drawing.get_attribute("aria-valuetext").endswith("closed")
    shut = page.evaluate(DRAWN)[:2]
    page.keyboard.press("Enter")
    assert drawing.get_attribute("aria-valuetext").endswith("open")
    assert page.evaluate(DRAWN)[:2] == [shut[0] + 7, 1]
    page.keyboard.press("ArrowRight")
    assert chosen(page) == {"inception_3a.conv1x1"}
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert page.evaluate(DRAWN)[:2] == shut
