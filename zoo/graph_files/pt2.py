"""Read torch's exported programs (.pt2): the archive's description of the graph is replayed on shapes.

`torch.export.load` unpickles parts of such a file and evaluates expressions in it, so a file from an untrusted source could run
code. Here nothing is unpickled or evaluated, and no weights are read.
"""

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.graph_files import Given, settle
from zoo.record.trace import Trace
from zoo.util.errors import ZooError

_SCHEMA = 8
"""The supported major version of torch's schema for such archives: torch/_export/serde/schema.py."""


def read(path: Path, shapes: Sequence[Sequence[int]] | None, batch: int) -> tuple[Trace, list[str]]:
    """Return the trace of an exported program. Raises `ZooError` for a file that is not one."""
    program, weights = _archive(path)
    from zoo.tracing.replay import empty, replay
    from zoo.tracing.trace import trace

    try:
        if (version := program["schema_version"]["major"]) != _SCHEMA:
            raise ZooError(f"{path}: expected schema version {_SCHEMA}, got {version}; save the program with this version of torch")
        given = _inputs(program["graph_module"])
        module = replay(program["graph_module"], weights)
        sizes = settle(path, given, shapes, batch)
        ready = tuple(empty(size, one.dtype) for size, one in zip(sizes, given, strict=True))
    except (KeyError, TypeError, AttributeError, IndexError, RuntimeError) as error:
        raise ZooError(f"{path} is damaged or was not written by torch.export.save: {type(error).__name__}: {error}") from error
    try:
        found = trace(module, inputs=ready)
    except ZooError as error:
        raise ZooError(f"{path}: cannot replay it: {error}") from error
    return replace(found, versions={**found.versions, "exporter": f"torch {program.get('torch_version', '')}".strip()}), []


def _archive(path: Path) -> tuple[Any, Mapping[str, Any]]:
    """Return the program, and where each weight is stored."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            models = [name for name in names if re.search(r"(^|/)models/[^/]*\.json$", name)]
            if len(models) != 1:
                raise ZooError(f"{path}: {_why(names, models)}")
            weights = [name for name in names if re.search(r"(^|/)data/weights/[^/]*weights_config\.json$", name)]
            stored = _json(path, archive, weights[0])["config"] if weights else {}
            return _json(path, archive, models[0]), stored
    except RuntimeError as error:
        if isinstance(error, RecursionError):
            raise ZooError(f"{path} is damaged, or no exported program: it is nested too deeply") from error
        raise ZooError(f"{path} cannot be read: {error}") from error  # it is encrypted
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, EOFError, NotImplementedError) as error:
        if isinstance(error, ZooError):
            raise
        raise ZooError(f"{path} is damaged or not an exported program: {error}") from error


_MOST_BYTES = 500_000_000


def _json(path: Path, archive: zipfile.ZipFile, name: str) -> Any:
    """A part of the archive, unless it would unpack to more than any program has."""
    if (size := archive.getinfo(name).file_size) > _MOST_BYTES:
        raise ZooError(f"{path}: {name} unpacks to {size:,} bytes, expected at most {_MOST_BYTES:,}")
    return json.loads(archive.read(name))


def _why(names: Sequence[str], models: Sequence[str]) -> str:
    if models:
        return f"expected one program, found {len(models)}"
    if any("aotinductor" in name for name in names):
        return "it contains compiled code without its graph; write the module with torch.export.save"
    if any(name.endswith("serialized_exported_program.json") for name in names):
        return "it was saved by torch before 2.8; load it with that version, and save it with a newer one"
    return "it contains no exported program; write one with torch.export.save"


def _inputs(module: Mapping[str, Any]) -> list[Given]:
    """Return the inputs of the program; a dynamic size has the name of its symbol."""
    values = module["graph"]["tensor_values"]
    given = []
    for spec in module["signature"]["input_specs"]:
        argument = spec.get("user_input", {}).get("arg", {})
        if "as_tensor" in argument:
            name = argument["as_tensor"]["name"]
            sizes, hints = [], {}
            for size in values[name]["sizes"]:
                sizes.append(size["as_int"] if "as_int" in size else _symbol(size["as_expr"]["expr_str"]))
                if "as_expr" in size and (hint := (size["as_expr"].get("hint") or {}).get("as_int")):
                    hints[sizes[-1]] = hint
            given.append(Given(name, tuple(sizes), values[name]["dtype"], hints))
    return given


def _symbol(expression: str) -> str:
    found = re.fullmatch(r"Symbol\('(\w+)'.*\)", expression)
    return found[1] if found else expression
