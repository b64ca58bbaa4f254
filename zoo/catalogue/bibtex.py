"""The paper of a card as a BibTeX entry."""

import re
from collections.abc import Mapping


def bibtex(authors: str, title: str, facts: Mapping[str, str], links: Mapping[str, str]) -> str:
    """An entry for the paper: `facts` are its type and the fields beside author and title, `links` its addresses by field.

    >>> print(bibtex("Jane Doe, Ann Lee", "A Net", {"type": "misc", "year": "2020"}, {"doi": "10.1/2"}), end="")
    @misc{doe2020net,
      author = {Jane Doe and Ann Lee},
      title  = {{A Net}},
      year   = {2020},
      doi    = {10.1/2}
    }
    """
    fields = {
        "author": authors.replace(", ", " and "),
        "title": f"{{{title}}}",
        **{key: value for key, value in facts.items() if key != "type"},
        **{key: value for key, value in links.items() if value},
    }
    width = max(map(len, fields))
    lines = [f"  {key:<{width}} = {{{value}}}" for key, value in fields.items()]
    return f"@{facts['type']}{{{_key(authors, title, facts['year'])},\n" + ",\n".join(lines) + "\n}\n"


def _key(authors: str, title: str, year: str) -> str:
    """Surname of the first author, year, first word of the title that says something: lecun1998gradient."""
    surname = authors.partition(",")[0].split()[-1]
    word = next(word for word in re.findall(r"[A-Za-z]+", title) if word.lower() not in {"a", "an", "the", "on", "one", "of"})
    return f"{surname}{year}{word}".lower()
