"""The names that a user can give: networks, families, studies, columns, conventions. The command line completes them."""


def models() -> list[str]:
    """Names of the catalogue."""
    from zoo.catalogue.entries import list_models

    return list_models()


def families() -> list[str]:
    """Families of the catalogue."""
    from zoo.catalogue.entries import architectures

    return sorted({entry.card.family for entry in architectures().values()})


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
