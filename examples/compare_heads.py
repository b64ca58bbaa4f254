"""Compare classifier heads on one network, and write the table for a paper. Run: python examples/compare_heads.py heads.tex

The result needs \\usepackage{booktabs}.
"""

import sys
from pathlib import Path

import zoo


def main(path: Path) -> None:
    """Write the table of AlexNet's heads to `path`, and print what the average saves."""
    table = zoo.compare("fc-vs-gap", on="alexnet")
    rows = {row.name: row.cells for row in table.rows}
    published, average = rows["published"]["params"], rows["gap"]["params"]
    path.write_text(table.render("latex"), encoding="utf-8")
    print(f"{published:,} parameters with the published head, {average:,} with global average pooling: {published / average:.1f}×")
    print(f"wrote {path}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "heads.tex"))
