"""`zoo info`: show a card."""

from zoo_cli.output import emit, write
from zoo_cli.parameters import CardFormat, Model, Output


def info(name: Model, format: CardFormat = None, output: Output = None) -> None:
    """Show one model's card. It has published and computed numbers, accuracy, training, deviations, errata, and their sources."""
    if format == "bibtex" or (format is None and output is not None and output.suffix == ".bib"):
        from zoo.extend import card

        write(card(name).bibtex, output)
        return
    from zoo.questions.info import info as card_table

    emit(card_table(name), format, output)
