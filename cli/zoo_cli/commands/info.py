"""`zoo info`: one card."""

from zoo_cli.output import emit
from zoo_cli.parameters import Format, Model, Output


def info(name: Model, format: Format = None, output: Output = None) -> None:
    """Show the card of one: paper, printed numbers beside computed ones, deviations, errata."""
    from zoo.questions.info import info as card_table

    emit(card_table(name), format, output)
