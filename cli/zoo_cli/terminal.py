"""Show an image in a terminal that can: kitty's protocol, iTerm2's, or sixel."""

import base64
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping

_CHUNK = 4096
_COLOURS = 64


def protocol(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return "kitty", "iterm" or "sixel", as far as the environment tells what the terminal can show; None if it does not."""
    terminal, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if environment.get("TMUX") or terminal.startswith(("screen", "tmux")):
        return None  # these pass no images on
    if environment.get("KITTY_WINDOW_ID") or "kitty" in terminal or program == "ghostty" or "ghostty" in terminal:
        return "kitty"
    if program in {"iTerm.app", "WezTerm", "vscode"} or environment.get("LC_TERMINAL") == "iTerm2":
        return "iterm" if program != "vscode" else None
    if "sixel" in terminal or terminal.startswith(("mlterm", "foot", "contour", "yaft")):
        return "sixel"
    return None


def shows_images() -> bool:
    """Whether standard output is a terminal that shows images."""
    return sys.stdout is not None and sys.stdout.isatty() and protocol() is not None


def show(png: bytes) -> None:
    """Write an image to standard output, in the terminal's protocol."""
    encode: Callable[[bytes], str] = {"kitty": kitty, "iterm": iterm, "sixel": sixel}[protocol() or "kitty"]
    sys.stdout.write(encode(png) + "\n")
    sys.stdout.flush()


def kitty(png: bytes) -> str:
    """Return the escape sequences of kitty's graphics protocol."""
    data = base64.standard_b64encode(png).decode()
    chunks = [data[i : i + _CHUNK] for i in range(0, len(data), _CHUNK)]
    heads = ["a=T,f=100," if i == 0 else "" for i in range(len(chunks))]
    more = [int(i + 1 < len(chunks)) for i in range(len(chunks))]
    return "".join(f"\x1b_G{head}m={last};{chunk}\x1b\\" for head, last, chunk in zip(heads, more, chunks, strict=True))


def iterm(png: bytes) -> str:
    """Return the escape sequence of iTerm2's inline images."""
    return f"\x1b]1337;File=inline=1;size={len(png)}:{base64.standard_b64encode(png).decode()}\x07"


def sixel(png: bytes) -> str:
    """Return the image in 64 colours as sixels: bands of six rows, and in each band a line for every colour in it."""
    from PIL import Image

    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(_COLOURS)
    palette = [round(level * 100 / 255) for level in image.getpalette() or []]
    width, height = image.size
    pixels = image.tobytes()
    colours = [f"#{i};2;{red};{green};{blue}" for i, (red, green, blue) in enumerate(zip(*[iter(palette)] * 3, strict=True))]
    bands = "".join("$".join(_band(pixels, width, height, top)) + "-" for top in range(0, height, 6))
    return f'\x1bPq"1;1;{width};{height}{"".join(colours)}{bands}\x1b\\'


def _band(pixels: bytes, width: int, height: int, top: int) -> Iterator[str]:
    """Each colour of a band of six rows, with the pixels that have it."""
    rows = [pixels[y * width : (y + 1) * width] for y in range(top, min(top + 6, height))]
    for colour in sorted(set(b"".join(rows))):
        signs = [63 + sum((row[x] == colour) << bit for bit, row in enumerate(rows)) for x in range(width)]
        yield f"#{colour}{_runs(signs)}"


def _runs(signs: list[int]) -> str:
    """Signs with repeats counted: !12? for twelve question marks."""
    found: list[str] = []
    start = 0
    for end in range(1, len(signs) + 1):
        if end == len(signs) or signs[end] != signs[start]:
            count, sign = end - start, chr(signs[start])
            found.append(f"!{count}{sign}" if count > 3 else sign * count)
            start = end
    return "".join(found)
