"""Notes and errors carry data; their text is made where it is shown, and a kept note is the note that was kept."""

import inspect
import json
import pickle
from dataclasses import replace

import pytest
from torch import Tensor, nn

import zoo
from zoo.tables import notes
from zoo.tables.content import Column, Content, Row
from zoo.tables.notes import Convention, Note, from_data, to_data
from zoo.tables.selecting import select
from zoo.util.errors import ForwardError
from zoo.util.text import sizes

EXAMPLES: tuple[Note, ...] = (
    notes.Shared(),
    notes.Unused(1234, ("aux", "spare")),
    notes.LowerBound("macs", (notes.UnknownOp("sort", 2, ("a", "b")), notes.UnknownOp("fft", 1, ("c",)))),
    notes.NotCounted("fvcore", {"bmm": 2}, 5000),
    Convention(frozenset({"macs"}), "pure", "counts"),
    notes.Folded(),
    notes.Paged(523),
    notes.Shortened(),
    notes.Failed("dense", "output", "1.5e+01", "at most 1e-06"),
    notes.Exceeded("max_macs", "MACs", 3_857_973_248, 3_000_000_000),
    notes.Selected(2, 9, {"macs": "12.0%"}),
    notes.AssumedInput((3, 224, 224)),
    notes.UsualInput((3, 800, 800)),
    notes.PublishedInput((3, 299, 299)),
    notes.TrainingOptions({"aux_heads": True}),
    notes.RealRun(True, False),
    notes.Defaults(),
    notes.Stray(136, ("net",)),
    notes.Stopped("conv2 (Conv2d): takes 5 channels, got 4"),
    notes.Excluded(("head",), 1, {"params": 1234}),
    notes.Guessed({"cond": 2, "update_histogram": 1}),
)
OF_RUNS = EXAMPLES[-10:-4]


def test_every_note_has_a_text() -> None:
    """Kills a note that is shown as Python would show it, and one without an example here."""
    bases = {Note, notes.Legend, notes.OwnInput}
    kinds = {kind for _, kind in inspect.getmembers(notes, inspect.isclass) if issubclass(kind, Note)} - bases
    assert {type(note) for note in EXAMPLES} == kinds
    for note in EXAMPLES:
        assert "\n" not in str(note)
        assert type(note).__name__ not in str(note)


def test_texts() -> None:
    """Kills a number or a name that a note carries and does not tell."""
    said = dict(zip((type(note).__name__ for note in EXAMPLES), map(str, EXAMPLES), strict=True))
    assert said["Unused"] == "unused: this forward does not read 1,234 parameters of aux, spare"
    assert said["LowerBound"].endswith("is unknown: sort (2×) in a, b; fft (1×) in c")
    assert said["NotCounted"] == "convention fvcore does not count bmm (2×), 5,000 MACs"
    assert said["Selected"] == "2 of 9 rows are shown, with 12.0% of macs; the total is that of all rows"
    assert "--train, or --set aux_heads=true" in said["TrainingOptions"]
    assert "the model's weights and inputs of ones" in said["RealRun"]


@pytest.mark.parametrize("note", [*OF_RUNS, "a sentence of a graph file"], ids=lambda note: type(note).__name__)
def test_notes_are_kept(note: Note | str) -> None:
    """Kills a note that comes back from the cache as text, or with a list where a tuple was."""
    assert from_data(json.loads(json.dumps(to_data(note)))) == note


def test_notes_are_text_in_json() -> None:
    """Kills a table whose JSON cannot be written, and a legend among its notes."""
    table = Content("t", {}, (), (), notes=("plain", notes.Shared()), legend=(Convention(frozenset({"macs"}), "pure", "says"),))
    assert json.loads(json.dumps(table.to_dict()))["notes"] == ["plain", "shared: reuses parameters that an earlier row counts"]


def test_legend_belongs_to_columns() -> None:
    """Kills the explanation of a column that is not shown, and one that is missing where it is."""
    assert "convention pure: " in zoo.summary("lenet5", columns=["macs"]).render("markdown")
    assert "convention" not in zoo.summary("lenet5", columns=["params"]).render("markdown")
    assert "convention thop: " in zoo.summary("lenet5", columns=["flops%"], convention="thop").render("html")
    assert "convention pure: " in zoo.compare("lenet5", "lenet5_modern").render("text", 200)


def test_selecting_keeps_the_class() -> None:
    """Kills a table that loses what it can do, or its legend, when rows are chosen."""
    table = zoo.summary("lenet5")
    assert type(table.select(top=1)) is zoo.Table
    assert table.select(top=1).legend == table.legend != ()
    plain = Content("t", {}, (), (Row("a", "b", {}), Row("c", "d", {})))
    assert select(plain, filter="c") == replace(plain, rows=plain.rows[1:], notes=(notes.Selected(1, 2, {}),))


def test_old_name_of_hide_order() -> None:
    """Kills extensions that say priority."""
    assert Column("a", "b", "c", hide_order=0) == Column("a", "b", "c", hide_order=0)
    assert replace(Column("a", "b", "c", hide_order=3), name="d").hide_order == 3


class Decides(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


class Looks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.table(x)
        return found


@pytest.mark.parametrize(
    ("module", "fields"),
    [(Decides(), (False, True, False)), (nn.Linear(3, 4), (True, False, False)), (Looks(), (False, False, True))],
    ids=["values", "misfit", "integers"],
)
def test_errors_have_fields(module: nn.Module, fields: tuple[bool, bool, bool]) -> None:
    """Kills an error that must be told by its words, and fields that are lost on the way up or between processes."""
    with pytest.raises(ForwardError) as caught:
        zoo.summary(module, input=(1, 5))
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert (error.misfit, error.needs_values, error.needs_integers) == fields
        assert ("--real" in str(error)) is error.needs_values
        assert (":int64" in str(error)) is error.needs_integers
        assert str(error).count("--real") <= 1


def test_sizes() -> None:
    """Kills another sign between sizes."""
    assert (sizes((3, 224)), sizes([5, 5], "x"), sizes(())) == ("3×224", "5x5", "")
