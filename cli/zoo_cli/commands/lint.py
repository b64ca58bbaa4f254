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
    settings = {**_configured(Path.cwd()), **{name: value for name, value in asked.items() if value is not None}}
    found = _found(target, settings, how)
    if format is not None and format in REPORTS:
        write(REPORTS[format](target, found.findings, found.rules), output)
    else:
        emit(found.to_table(), format, output)
    if failed := _failures(found, _split(settings.get("error-on", ()))):
        typer.echo(f"zoo: --error-on: {', '.join(failed)}", err=True)
        raise typer.Exit(1)


def _found(target: str, settings: Mapping[str, Any], how: Mapping[str, Any]) -> Any:
    """The findings under some settings. Raises `ZooError` for what `--error-on` names and no rule is."""
    from zoo.extend.rule import rules
    from zoo.questions.lint import lint as linted

    for name in _split(settings.get("error-on", ())):
        if name not in {*rules(), "any"}:
            raise unknown("rule", name, [*rules(), "any"])
    with contextlib.redirect_stdout(sys.stderr):
        return linted(
            target,
            select=_split(settings["select"]) if "select" in settings else None,
            ignore=_split(settings.get("ignore", ())),
            object=settings.get("object"),
            device=settings.get("for"),
            **how,
        )


def _failures(found: Any, names: list[str]) -> list[str]:
    """The rules of `names` that found something; "any" stands for all whose findings count."""
    failed = [one.rule for one in found if not one.by_design and (one.rule in names or ("any" in names and one.counts))]
    return list(dict.fromkeys(failed))


def _split(lists: Any) -> list[str]:
    """["a,b", "c"] -> ["a", "b", "c"]."""
    return [name.strip() for several in lists for name in several.split(",") if name.strip()]


_KINDS = {"select": list, "ignore": list, "error-on": list, "object": int, "for": str}


def _configured(folder: Path) -> dict[str, Any]:
    """[tool.zoo.lint] of the nearest pyproject.toml, upwards from a folder. Raises `ZooError` for what cannot be read."""
    path = next((one / "pyproject.toml" for one in (folder, *folder.parents) if (one / "pyproject.toml").is_file()), None)
    if path is None:
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("zoo", {}).get("lint", {})
    except (OSError, ValueError) as error:
        raise ZooError(f"{path}: {error}") from error
    for name, value in found.items():
        if name not in _KINDS:
            raise unknown(f"setting of [tool.zoo.lint] in {path}", name, _KINDS)
        if not isinstance(value, _KINDS[name]) or (isinstance(value, list) and not all(isinstance(one, str) for one in value)):
            expected = {list: "a list of names", int: "an integer", str: "a name"}[_KINDS[name]]
            raise ZooError(f"{path}: [tool.zoo.lint] {name}: expected {expected}, got {value!r}")
    return dict(found)
