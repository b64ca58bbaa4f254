"""Where in a model's code an error was raised: file, line and expression, from the frames of a traceback."""

import linecache
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType

import torch

_OTHERS = (str(Path(torch.__file__).parent), str(Path(__file__).parent))
_LONG = 80


def place(error: BaseException) -> str | None:
    """The innermost line of the model's own code that led to `error`, as `net.py:12: x.sum() > 0`; None if there is none."""
    frames = [(frame, at) for frame, at in _frames(error.__traceback__) if not frame.f_code.co_filename.startswith(_OTHERS)]
    if not frames:
        return None
    frame, instruction = frames[-1]
    first, last, start, end = [*frame.f_code.co_positions()][instruction // 2]
    name = Path(frame.f_code.co_filename).name
    if first is None:
        return name
    lines = [linecache.getline(frame.f_code.co_filename, n).rstrip("\n").encode() for n in range(first, (last or first) + 1)]
    if not any(lines) or start is None or end is None:
        return f"{name}:{first}"
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    said = " ".join(b" ".join(lines).decode(errors="replace").split())
    return f"{name}:{first}: {said if len(said) <= _LONG else said[: _LONG - 3] + '...'}"


def _frames(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    """The frames below the call of the model, outermost first, each with the instruction that it runs."""
    inside = False
    while traceback is not None:
        if inside:
            yield traceback.tb_frame, traceback.tb_lasti
        inside = inside or traceback.tb_frame.f_code.co_filename.startswith(_OTHERS[1])
        traceback = traceback.tb_next
