"""Which strings a read may be, and how likely each is: what both sides match hotlists by (pure).

A read says of every position what was decoded there and the two best alternatives. Another string s of the same
length is as likely as the decoded plate, times how much less likely each differing character is:

    P(s) = P(plate) * product over the positions where s differs of p(s_i) / p(plate_i)

This is exact where positions err apart, and never more than the read itself gives to a character. Where they err
together (one string against another that differs in each position) it would count their doubt once a position: so all
others are at most as likely as the decoded plate leaves them to be. What the three characters of a position leave over
is not known to be anybody's; a share of it goes to those that look alike there.
Strings of another length are not among them: of a character that is lost nothing says which it was.

Is it the listed plate, then? Its rivals are the other strings, and not all of them pass equally often: one that is read
at the city's cameras day after day passes some thirty times as often as a listed one, of which most stand in a yard.
So a doubtful read of a neighbour's car, which looks like a listed plate, is held to be the neighbour's.
"""

from collections.abc import Container, Iterable, Sequence
from itertools import accumulate
from typing import Final, NamedTuple, Protocol

from edge.contract.read import Character

LEAST: Final = 1e-3
"""A string that is less likely is not looked for."""

MOST: Final = 256
"""Strings of a read, the likeliest: however little a box knows, or says that it does, no read takes longer."""

LOOK_ALIKE: Final = ("0DOQ", "1IL7T", "2Z7", "38B", "5S", "6GC", "8B", "4A", "MNHW", "UVY", "KX", "EF", "PRF")
"""Characters that are taken for each other on plates."""

LEFT_TO_ALIKE: Final = 0.5
"""Share of what a position leaves over that goes to the characters like the one decoded there."""

KNOWN_WEIGHT: Final = 30.0
"""How many times as often one vehicle passes that is seen day after day as one that is listed, of which most do not
drive: an estimate, of one in thirty on the road."""

ALIKE: Final = {
    char: frozenset("".join(group for group in LOOK_ALIKE if char in group)) - {char}
    for char in sorted(set("".join(LOOK_ALIKE)))
}
"""Of a character, those that look like it."""

_IN_ORDER: Final = {char: sorted(alike) for char, alike in ALIKE.items()}

_NEVER: Final = 1e-12
"""Instead of a likelihood of nothing, by which nothing can be divided."""


class Read(Protocol):
    """What is looked at of a `PlateRead`."""

    @property
    def plate(self) -> str:
        """What was decoded."""
        ...

    @property
    def likelihood(self) -> float:
        """That this is exactly right."""
        ...

    @property
    def characters(self) -> tuple[Character, ...]:
        """Of each position what was decoded there, and the best alternatives."""
        ...


class Spelling(NamedTuple):
    """A string that a read may be.

    Attributes:
        likelihood: that the plate bears exactly this string.
    """

    text: str
    likelihood: float


def spellings(read: Read, *, least: float = LEAST) -> list[Spelling]:
    """What was decoded, however unlikely, and every other string of its length that reaches `least`.

    The likeliest first, behind the decoded one; the same read gives the same list.
    """
    others = [(text, p) for text, p in _likeliest(_begun(read, least)) if text != read.plate]
    scale = min(1.0, (1.0 - read.likelihood) / max(sum([p for _, p in others]), _NEVER))
    told = [Spelling(text, p * scale) for text, p in others if p * scale >= least]
    return [Spelling(read.plate, read.likelihood), *told]


def texts(read: Read) -> list[str]:
    """The strings of `spellings`, in no order and at times some more: enough to say that nobody looks for any."""
    return [read.plate, *(text for text, _ in _begun(read, LEAST) if text != read.plate)]


def _begun(read: Read, least: float) -> list[tuple[str, float]]:
    """Each string with its likelihood as the positions have it, whatever the whole leaves over."""
    text = "".join([position.char for position in read.characters])
    begun = [(text, read.likelihood)]
    if 1.0 - read.likelihood < least:  # all others together do not reach it
        return begun
    ways = [
        (place, others)
        for place, each in enumerate(read.characters)
        if (others := _others(each, read, least))
    ]
    best = list(accumulate([max(ratio for _, ratio in others) for _, others in reversed(ways)], max))
    alive = begun  # those that may differ in one more place: mostly the decoded one alone
    for (place, others), likeliest in zip(ways, reversed(best), strict=True):
        alive = [each for each in alive if each[1] * likeliest >= least]
        made = [
            (text[:place] + char + text[place + 1 :], p * ratio)
            for text, p in alive
            for char, ratio in others
            if p * ratio >= least
        ]
        begun, alive = begun + made, alive + made
        if len(begun) > MOST:
            begun = alive = [begun[0], *_likeliest(begun[1:])[: MOST - 1]]  # the first is what was decoded
    return begun


def _likeliest(strings: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    return sorted(strings, key=lambda each: (-each[1], each[0]))


def _others(position: Character, read: Read, least: float) -> list[tuple[str, float]]:
    """The other characters of a position, with how much less likely than the decoded one each makes the string."""
    own, length = position.char, len(read.characters)
    shares = [(other.char, other.likelihood) for other in position.alternatives if other.char != own]
    left = 1.0 - position.likelihood - sum([share for _, share in shares])
    # 'Something else' is a string as a whole: what each position leaves over is the same, not one for each.
    of_all = LEFT_TO_ALIKE * left / length
    if of_all >= least and own in ALIKE:  # each of them has at most this
        named = [char for char, _ in shares]
        alike = [char for char in _IN_ORDER[own] if char not in named]
        shares += [(char, of_all / len(alike)) for char in alike]
    # A read that is surer of the whole than of a part of it contradicts itself: the part counts.
    whole = max(position.likelihood, read.likelihood, _NEVER)
    # Two that are equally likely take the place of each other, and no more than that.
    return [(char, min(share / whole, 0.999_999)) for char, share in shares if share >= least]


def likelihood_of(text: str, spelt: Sequence[Spelling], known: Container[str]) -> float:
    """That a read is of one listed plate, given which of its rivals the cameras know.

    Args:
        text: the listed plate, one of `spelt`; that it is known itself counts for nothing.
        spelt: what the read may be.
        known: plates that are seen day after day.
    """
    own = sum(p for each, p in spelt if each == text)
    rivals = sum(p * (KNOWN_WEIGHT if each in known else 1.0) for each, p in spelt if each != text)
    rest = max(0.0, 1.0 - sum(p for _, p in spelt))
    return own / max(own + rivals + rest, _NEVER)
