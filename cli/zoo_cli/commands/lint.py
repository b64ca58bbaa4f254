"""`zoo lint`: what is wrong or wasteful in a model."""

import contextlib
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.util.errors import ZooError, unknown
from zoo_cli.arguments import at_least
from zoo_cli.output import emit, format_for, write
from zoo_cli.parameters import How, Output, completed_models, takes_a_model


def _rules(incomplete: str) -> list[str]:
    from zoo.extend.rule import rules

    return [name for name in rules() if name.startswith(incomplete)]


def _names(metavar: str, help: str) -> Any:
    return typer.Option(metavar=metavar, help=help, autocompletion=_rules)


@takes_a_model()
def lint(
    how: How,
    target: Annotated[
        str | None, typer.Argument(metavar="[TARGET]", help="A model, as zoo summary takes it.", autocompletion=completed_models)
    ] = None,
    select: Annotated[list[str] | None, _names("A,B", "Only these rules; default stands for those that run without it.")] = None,
    ignore: Annotated[list[str] | None, _names("A,B", "Leave out these rules.")] = None,
    error_on: Annotated[
        list[str] | None, _names("A,B", "Exit with 1 if one of these rules finds something; any: if a finding counts.")
    ] = None,
    object: Annotated[
        int | None,
        typer.Option("--object", callback=at_least(1), metavar="N", help="Side in pixels of the smallest object to be seen whole."),
    ] = None,
    device: Annotated[str | None, typer.Option("--for", metavar="DEVICE", help="Also the rules for tensor-cores.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the rules.")] = False,
    explain: Annotated[str | None, _names("RULE", "Explain a rule: why it matters, source, remedy.")] = None,
    format: Annotated[
        str | None,
        typer.Option("--format", "-f", metavar="NAME", help="text, json, markdown, csv, html; sarif or github, for CI."),
    ] = None,
    output: Output = None,
) -> None:
    """Find what is wrong or wasteful in an architecture, with evidence, a source and a remedy.

    [tool.zoo.lint] in pyproject.toml sets select, ignore, error-on, object and for.
    """
    from zoo.questions.lint import explanation, listing
    from zoo.questions.lint_reports import REPORTS
    from zoo.tables import formats

    if format is None and output is not None and output.suffix == ".sarif":
        format = "sarif"
    if format not in REPORTS:
        formats.load(format_for(format, output))
    if list_ or explain is not None:
        emit(explanation(explain) if explain is not None else listing(), format, output)
        return
    if target is None:
        raise ZooError("lint requires a TARGET, or --list or --explain RULE (see zoo lint --help)")
    asked = {"select": select, "ignore": ignore, "error-on": error_on, "object": object, "for": device}
    given = {name: _checked(f"--{name}", name, value) for name, value in asked.items() if value is not None}
    settings = {**_configured(Path.cwd()), **given}
    errors = settings.get("error-on", [])
    found = _found(target, settings, errors, how)
    if format is not None and format in REPORTS:
        write(REPORTS[format](target, found.findings, found.rules), output)
    else:
        emit(found.to_table(), format, output)
    if failed := _failures(found, errors):
        typer.echo(f"zoo: --error-on: {', '.join(failed)}", err=True)
        raise typer.Exit(1)


def _found(target: str, settings: Mapping[str, Any], errors: list[str], how: Mapping[str, Any]) -> Any:
    """The findings under some settings. A rule that is an error runs, whatever else is selected: it would never fail otherwise."""
    from zoo.questions.lint import DEFAULT
    from zoo.questions.lint import lint as linted

    selected = [*settings.get("select", [DEFAULT]), *(name for name in errors if name != ANY)]
    with contextlib.redirect_stdout(sys.stderr):
        return linted(
            target,
            select=selected,
            ignore=settings.get("ignore", []),
            object=settings.get("object"),
            device=settings.get("for"),
            **how,
        )


def _failures(found: Any, names: list[str]) -> list[str]:
    """The rules of `names` that found something; "any" stands for all whose findings count."""
    failed = [one.rule for one in found if not one.by_design and (one.rule in names or (ANY in names and one.counts))]
    return list(dict.fromkeys(failed))


ANY = "any"
"""In `--error-on`, all rules whose findings count."""

_KINDS = {"select": list, "ignore": list, "error-on": list, "object": int, "for": str}
_EXPECTED = {list: "a list of names", int: "an integer >= 1", str: "a name"}


def _checked(where: str, name: str, value: Any) -> Any:
    """The value of a setting, lists of names split at commas. Raises `ZooError` that says `where` it is wrong."""
    from zoo.extend.rule import rules
    from zoo.questions.lint import DEFAULT, DEVICES

    if name == "object" and (isinstance(value, bool) or value < 1):
        raise ZooError(f"{where}: expected {_EXPECTED[int]}, got {value}")
    if name == "for" and value not in DEVICES:
        raise ZooError(f"{where}: {unknown('device', value, DEVICES)}")
    if not isinstance(value, list):
        return value
    names = [one.strip() for several in value for one in several.split(",") if one.strip()]
    known = [*rules(), *{"select": [DEFAULT], "error-on": [ANY]}.get(name, [])]
    for one in names:
        if one not in known:
            raise ZooError(f"{where}: {unknown('rule', one, known)}")
    if not names and (name == "select" or value):  # an empty list in pyproject.toml says that there are none
        raise ZooError(f"{where}: expected names of rules, got none (zoo lint --list shows them)")
    return names


def _configured(folder: Path) -> dict[str, Any]:
    """[tool.zoo.lint] of the nearest pyproject.toml, upwards from a folder. Raises `ZooError` for what cannot be read."""
    path = next((one / "pyproject.toml" for one in (folder, *folder.parents) if (one / "pyproject.toml").is_file()), None)
    if path is None:
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ZooError(f"{path}: {error}") from error
    for table in ("tool", "zoo", "lint"):
        found = found.get(table, {})
        if not isinstance(found, dict):
            raise ZooError(f"{path}: expected a table [tool.zoo.lint], got {table} = {found!r}")
    return {name: _setting(path, name, value) for name, value in found.items()}


def _setting(path: Path, name: str, value: Any) -> Any:
    """A setting of [tool.zoo.lint]. Raises `ZooError` for what is none."""
    if name not in _KINDS:
        raise unknown(f"setting of [tool.zoo.lint] in {path}", name, _KINDS)
    where = f"{path}: [tool.zoo.lint] {name}"
    if not isinstance(value, _KINDS[name]) or (isinstance(value, list) and not all(isinstance(one, str) for one in value)):
        raise ZooError(f"{where}: expected {_EXPECTED[_KINDS[name]]}, got {value!r}")
    return _checked(where, name, value)
