"""LaTeX: a table in the style of the booktabs package, the only package that it requires."""

import re

from zoo.tables.content import Content
from zoo.tables.formats._cells import cell, text
from zoo.tables.formats._notes import explanations

_WRITTEN = {char: f"\\{char}" for char in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "×": r"$\times$",
    "≥": r"$\geq$",
    "·": r"$\cdot$",
    "*": r"$\ast$",
    "–": "--",
    "…": r"\ldots{}",
}
_SPECIAL = re.compile("[" + re.escape("".join(_WRITTEN)) + "]")


def escape(written: str) -> str:
    """Return a text with LaTeX's special characters escaped, on one line."""
    return _SPECIAL.sub(lambda match: _WRITTEN[match[0]], " ".join(written.split()))


def render(table: Content, width: int | None = None) -> str:
    """A `table`: the title as its caption, numbers to the right, the total below a rule, notes beneath in small print."""
    names = [column.name for column in table.columns]
    rows = [_line([row.name, row.label, *(cell(c, row.cells.get(c.name)) for c in table.columns)]) for row in table.rows]
    total = _line(["total", "", *(cell(c, table.total.get(c.name)) for c in table.columns)])
    about = [f"{label}: {text(value)}" for label, value in table.context.get("about", {}).items()]
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table}",
        "\\centering",
        f"\\caption{{{escape(table.title)}}}",
        f"\\begin{{tabular}}{{ll{'r' * len(names)}}}",
        "\\toprule",
        _line(["name", "type", *names]),
        "\\midrule",
        *rows,
        *(["\\midrule", total] if table.total else []),
        "\\bottomrule",
        "\\end{tabular}",
        *(
            f"\\par\\smallskip{{\\footnotesize {escape(note)}\\par}}"
            for note in (*about, *explanations(table, table.columns), *map(str, table.notes))
        ),
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    """One row; a brace before a bracket that a preceding `\\\\` would take for its own."""
    return " & ".join(f"{{}}{one}" if one.startswith("[") else one for one in map(_in_cell, cells)) + r" \\"


def _in_cell(written: str) -> str:
    """A cell; one of several lines is stacked."""
    lines = [escape(line) for line in written.split("\n")]
    stacked = r" \\ ".join(lines)
    return stacked if len(lines) == 1 else f"\\shortstack[r]{{{stacked}}}"
