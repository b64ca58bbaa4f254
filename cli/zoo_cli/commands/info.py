"""`zoo info`: show a card."""

from zoo_cli.output import emit
from zoo_cli.parameters import Format, Model, Output


def info(name: Model, format: Format = None, output: Output = None) -> None:
    """Show one model's card. It has the paper, published and computed numbers, deviations and errata."""
    from zoo.questions.info import info as card_table

    emit(card_table(name), format, output)
