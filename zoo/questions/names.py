"""The names that a user can give: networks, families, studies, columns, conventions. The command line completes them."""

from collections.abc import Mapping


def models() -> list[str]:
    """Names of the catalogue."""
    if (own := _own()) is not None:
        return [name for names in own.values() for name in names]
    from zoo.catalogue.entries import list_models

    return list_models()


def families() -> list[str]:
    """Families of the catalogue."""
    if (own := _own()) is not None:
        return [family for family, names in own.items() if names]
    from zoo.catalogue.entries import architectures

    return sorted({entry.card.family for entry in architectures().values()})


def _own() -> Mapping[str, list[str]] | None:
    """The names of our networks by family, without their cards; None where packages add others."""
    from zoo.catalogue.source import own_texts, read_own
    from zoo.util.plugins import installed

    if any(plugin.kind == "archs" for plugin in installed()):
        return None
    return {path.stem: [one.name for one in read_own(text, path.stem)] for path, text in own_texts().items()}


def studies() -> list[str]:
    """Studies of `zoo compare`."""
    from zoo.extend.study import studies as known

    return list(known())


def columns() -> list[str]:
    """Columns of `zoo summary`."""
    from zoo.analysis.choose import columns as known

    return list(known())


def conventions() -> list[str]:
    """Conventions of counting."""
    from zoo.analysis import conventions as known

    return known.names()
