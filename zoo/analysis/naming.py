"""Find a layer by the name that it has here, or by that of another framework.

The names of Keras, TF-slim, Caffe and torchvision lead to layers of the catalogue's networks by `zoo.catalogue.aliases`, and by the
`aliases` and `keys` of their cards. For other names, the error suggests similar ones.
"""

import re
from collections.abc import Collection

from zoo.record.trace import Trace
from zoo.util.errors import ZooError, near, unknown


def find_name(trace: Trace, name: str, known: Collection[str], see: str) -> str:
    """Return the name among `known` that `name` means for the network of a trace.

    Raises `ZooError` with similar names, or with `see` if there are none, for a name that means nothing.

    >>> find_name(zoo.trace("vgg16"), "block4_pool", ["features.pool4"], "")
    'features.pool4'
    """
    if name in known:
        return name
    if (found := elsewhere(trace, name, known)) is not None:
        return found
    if close := alike(name, known):
        raise ZooError(f"unknown layer of {trace.target} {name!r}; did you mean {' or '.join(close)}?")
    raise unknown(f"layer of {trace.target}", name, known, see)


def elsewhere(trace: Trace, name: str, known: Collection[str]) -> str | None:
    """Return the layer of a network of the catalogue that has this name in another framework; None if none is known."""
    from zoo.catalogue.aliases import BY_FAMILY
    from zoo.catalogue.entries import card

    try:
        one = card(trace.target)
    except ZooError:
        return None
    if one.name != trace.target:
        return None
    for pattern, replacement in (*one.aliases, *BY_FAMILY.get(one.family, ())):
        if (match := re.fullmatch(pattern, name)) is not None:
            found = _placed(match.expand(replacement), trace)
            if found in known:
                return found
    key = f"{name}."
    for pattern, replacement in one.keys:
        key = re.sub(pattern, replacement, key)
    return key[:-1] if key[:-1] in known else None


_PLACED = re.compile(r"(?P<module>[^\[]+)\[(?P<number>\d+)(?P<less>-1)?\](?P<rest>.*)")


def _placed(name: str, trace: Trace) -> str:
    """features[23] -> the child of features that runs after 23 others; with -1, children are counted from 1."""
    match = _PLACED.fullmatch(name)
    if match is None:
        return name
    prefix, number = f"{match['module']}.", int(match["number"]) - bool(match["less"])
    inside = (call.path.removeprefix(prefix) for call in trace.calls if call.path.startswith(prefix))
    children = list(dict.fromkeys(path.partition(".")[0] for path in inside))
    return f"{prefix}{children[number]}{match['rest']}" if 0 <= number < len(children) else name


def alike(name: str, known: Collection[str], most: int = 3) -> list[str]:
    """Return the names that have words and numbers in common with `name`, or else similar letters; best first.

    >>> alike("block4_pool", ["features.conv4_1", "features.pool3", "features.pool4"])
    ['features.pool4']
    """
    asked = _words(name)
    shared = {one: asked & _words(one) for one in known}
    ranked = sorted(known, key=lambda one: -len(shared[one]) / len(asked | _words(one)))
    for enough in (_both, _any_word):
        best = [one for one in ranked if enough(shared[one])]
        if best or (best := near(name, known, most)):
            return best[:most]
    return []


def _words(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+|\d+", name.lower()))


def _any_word(words: frozenset[str]) -> bool:
    return any(one.isalpha() for one in words)


def _both(words: frozenset[str]) -> bool:
    """Whether there is a word and a number among them."""
    return any(one.isdigit() for one in words) and any(one.isalpha() for one in words)
