"""How wide a text is: the advance widths of DejaVu Sans, so that labels can be fitted into boxes without a font.

Helvetica, Arial, Liberation Sans and Computer Modern Sans are narrower, so a label that fits in DejaVu Sans fits in these.
"""

from functools import cache

_UNITS = 2048  # of an em
_SIGNS = {
    563: "'",
    569: "ijl",
    604: "IJ",
    651: " ,.·",
    690: "/:;\\|",
    721: "f",
    739: "-",
    799: "()[]",
    803: "t",
    821: "!²",
    842: "r",
    942: '"',
    1024: "*_`–",
    1067: "s",
    1075: "z",
    1087: "?",
    1126: "c",
    1141: "L",
    1178: "F",
    1186: "k",
    1212: "vxy",
    1235: "P",
    1251: "TY",
    1253: "o",
    1255: "a",
    1260: "e",
    1294: "E",
    1298: "hnuσ",
    1300: "Sbdgpq",
    1303: "$0123456789{}μµ",
    1307: "β",
    1343: "K",
    1350: "α",
    1401: "AV",
    1403: "XZ",
    1405: "B",
    1423: "R",
    1430: "C",
    1499: "U",
    1532: "N",
    1540: "H",
    1577: "D",
    1587: "G",
    1597: "&",
    1612: "OQ",
    1675: "w",
    1716: "#+<=>^~×→≤±−",
    1767: "M",
    1946: "%",
    1995: "m",
    2025: "W",
    2048: "@…",
}
ADVANCES = {sign: width for width, signs in _SIGNS.items() for sign in signs}
"""Widths of signs in 1/2048 of the font's size."""


def text_width(text: str, size: float) -> float:
    """Return the width of `text` at a font size, in the same unit. A sign that is not in the table counts as the widest."""
    return sum(ADVANCES.get(sign, _UNITS) for sign in text) * size / _UNITS


def wrapped(text: str, size: float, width: float) -> list[str]:
    """Return `text` in lines that fit into `width`, broken at spaces; a word that is too long is shortened.

    >>> wrapped("3×3 max pool /2", 7, 40)
    ['3×3 max', 'pool /2']
    """
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".lstrip()
        if not lines[-1] or text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return [fitted(line, size, width) for line in lines]


@cache
def fitted(text: str, size: float, width: float) -> str:
    """Return `text`, or as much of its beginning and end as fits into `width` around an ellipsis.

    >>> fitted("inception_3a.reduce3x3", 7, 60)
    'incept…duce3x3'
    """
    if text_width(text, size) <= width:
        return text
    for kept in range(len(text) - 1, 0, -1):
        shorter = f"{text[: kept // 2]}…{text[len(text) - (kept + 1) // 2 :]}"
        if text_width(shorter, size) <= width:
            return shorter
    return ""
