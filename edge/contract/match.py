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

from collections.abc import Container, Iterable, Iterator, Sequence
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
    decoded = Spelling(read.plate, read.likelihood)
    left = 1.0 - read.likelihood
    if left < least:  # all others together do not reach it
        return [decoded]
    begun = [("", read.likelihood)]
    for position in read.characters:
        options = [(position.char, 1.0), *_others(position, read, least=least)]
        begun = [
            (text + char, p * ratio)
            for text, p in begun
            for char, ratio in options
            if ratio == 1.0 or p * ratio >= least
        ]
        if len(begun) > MOST:
            begun = [begun[0], *_likeliest(begun[1:])[: MOST - 1]]  # the first is what was decoded
    others = [(text, p) for text, p in _likeliest(begun) if text != read.plate]
    scale = min(1.0, left / max(sum(p for _, p in others), _NEVER))
    return [decoded, *(Spelling(text, p * scale) for text, p in others if p * scale >= least)]


def _likeliest(strings: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    return sorted(strings, key=lambda each: (-each[1], each[0]))


def _others(position: Character, read: Read, *, least: float) -> Iterator[tuple[str, float]]:
    """The other characters of a position, with how much less likely than the decoded one each makes the string."""
    # A read that is surer of the whole than of a part of it contradicts itself: the part counts.
    whole = max(position.likelihood, read.likelihood, _NEVER)
    for char, share in _shares(position, len(read.characters)):
        # Two that are equally likely take the place of each other, and no more than that.
        if share >= least:
            yield char, min(share / whole, 0.999_999)


def _shares(position: Character, length: int) -> Iterable[tuple[str, float]]:
    named = [(a.char, a.likelihood) for a in position.alternatives if a.char != position.char]
    left = 1.0 - position.likelihood - sum(share for _, share in named)
    if left <= 0.0 or position.char not in ALIKE:
        return named
    # 'Something else' is a string as a whole: what each position leaves over is the same, not one for each.
    alike = sorted(ALIKE[position.char] - {char for char, _ in named})
    each = LEFT_TO_ALIKE * left / length / max(1, len(alike))
    return [*named, *((char, each) for char in alike)]


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
