"""One string from all frames of a track.

Each frame's reading is a distribution over strings. A string's score is the sum over the frames of its
log-likelihood there, plus a little of the grammar. Four things keep the posterior honest:

- A frame may be wrong altogether, however sure it is (a reflection, a neighbour's plate, lettering): with a
  probability that falls with its quality it says nothing at all about the plate.
- The frames of a track err together. n of them count as n / (1 + CORRELATION * (n - 1)), which is the design
  effect of a cluster sample: never as more than 1 / CORRELATION independent ones.
- 'Something else' competes: a neighbour of the candidates that no frame proposed, with the likelihood that each
  frame leaves to such, or any string at all, where every frame is wrong. So one frame alone is never certain.
- A word or a telephone number is rarely a plate where no plates are of letters only, or of digits only.

The result does not depend on the order of the frames. The figures of `edge/ballot.py` and those down to NEIGHBOURS were
chosen on training pictures, with the reader before this one: 260 Brazilian plates of `br_crop`, each as 8 frames
degraded at random. With the present reader, on 333 held-out plates of `train` likewise (models/reader/votes.py): one
frame 72 % right at a mean likelihood of .62, two 84 % at .79, six 89 % at .90, and of those at .98 or more 97.5 %; some
labels are wrong. The grammar's whole weight instead of half of it makes 5 in 100 foreign plates Colombian, where that
is what the camera is told, and helps no Brazilian one. The two figures after NEIGHBOURS are estimates.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.ballot import KEPT_CANDIDATES, NEAREST, Ballot
from edge.ballot import ballot as ballot_of
from edge.contract.plate import OPEN, Grammar
from edge.contract.read import Character, CharacterAlternative, Scored
from edge.contract.seen import Look, Seen
from edge.settings import VoteSettings
from edge.types import Observation, Verdict

CORRELATION: Final = 0.5
"""Share of the frames' errors that they have in common."""
GRAMMAR_WEIGHT: Final = 0.5
"""Exponent of the grammar's prior: it breaks ties, the frames decide."""
SEEN_WEIGHT: Final = 1.0
"""The same of what was seen beside the characters, which is evidence and no habit of a country."""
NEIGHBOURS: Final = 1e6
"""Over how many strings a frame spreads what it leaves to none of the candidates: those a few characters away."""
UNMIXED: Final = 0.03
"""Share of plates that follow no grammar and bear letters only, or digits only."""
LETTERING: Final = 0.01
"""How often a track is no plate but such lettering (a brand, a telephone number), to all tracks."""
KEPT_FRAMES: Final = 16
"""The best frames of a track are voted on; the memory of a track is bounded by this."""
KEPT_SPELLINGS: Final = 64
"""Distinct best strings of single frames that are counted."""
_LONGEST_RAW: Final = 24
_TINY: Final = 1e-12
_Key = TypeVar("_Key", int, str, Look)


class Vote:
    """Collects the observations of one track and says what they say together."""

    def __init__(self, *, grammar: Grammar, settings: VoteSettings, countries: Mapping[str, float]) -> None:
        """Start a vote.

        Args:
            grammar: weighs the candidates a little, and attributes the result to a country and class.
            settings: what counts as a plate.
            countries: the camera's country weights.
        """
        self._prior = grammar.prior(countries)
        self._lengths = range(settings.min_length, grammar.longest + 1)
        self._ballots: list[Ballot] = []
        self._spellings: Counter[str] = Counter()
        self._frames = 0

    @property
    def frames(self) -> int:
        """Observations so far, those of which only the count is left included."""
        return self._frames

    def add(self, observation: Observation) -> None:
        """Count a frame in."""
        ballot = ballot_of(observation)
        self._frames += 1
        self._count(max(ballot.proposed, key=lambda s: (ballot.proposed[s], s)), 1)
        self._ballots.append(ballot)
        self._keep_the_best()

    def absorb(self, other: "Vote") -> None:
        """Count in the frames of another vote, which were of the same plate; that vote is used no more."""
        self._frames += other.frames
        for text, times in other._spellings.items():
            self._count(text, times)
        self._ballots += other._ballots
        self._keep_the_best()

    def agrees(self, other: "Vote") -> float:
        """Probability that both say the same string, 0..1: the sum over strings of what each gives to it.

        Two plates a character apart that are both read with certainty do not agree, however alike they look.
        """
        mine, theirs = self._candidates()[:NEAREST], other._candidates()[:NEAREST]
        if not set(mine) & set(theirs):
            return 0.0
        both = sorted({*mine, *theirs})
        shares = [vote._posterior(both, vote._seen()) for vote in (self, other)]
        return float(shares[0] @ shares[1])

    def _count(self, text: str, times: int) -> None:
        if text in self._spellings or len(self._spellings) < KEPT_SPELLINGS:
            self._spellings[text] += times

    def _keep_the_best(self) -> None:
        if len(self._ballots) > KEPT_FRAMES:
            self._ballots.sort(key=lambda b: b.rank, reverse=True)
            del self._ballots[KEPT_FRAMES:]

    def verdict(self) -> Verdict | None:
        """What the frames say together; None while no frame proposes anything that could be a plate.

        Lettering that is no plate (too long, too short) is no candidate: its likelihood counts for
        'something else', so that the verdict's falls below `VoteSettings.legible`.
        """
        candidates = self._candidates()
        if not candidates:
            return None
        seen = self._seen()
        posterior = dict(zip(candidates, self._posterior(candidates, seen).tolist(), strict=True))
        plate = max(candidates, key=lambda c: (posterior[c], c))
        # What it says is chosen before it is doubted: 'TAXI' is to be rejected, not to be read as 'TAX1'.
        doubt = self._is_plate(plate)
        best = max(self._ballots, key=lambda b: b.rank)
        country, plate_class = self._origin(plate, posterior, seen)
        kind = max(sorted(seen.vehicle), key=lambda k: seen.vehicle[k], default=None)
        return Verdict(
            plate=plate,
            plate_raw=best.text_raw[:_LONGEST_RAW],
            likelihood=posterior[plate] * doubt,
            characters=_characters(plate, posterior),
            country=country,
            plate_class=plate_class,
            vehicle=_scored(kind, seen.vehicle[kind]) if kind else None,
            votes=self._spellings[plate],
            frames=self._frames,
        )

    def _candidates(self) -> list[str]:
        mass: dict[str, float] = {}
        for ballot in sorted(self._ballots, key=lambda b: b.rank):
            for text, log_p in ballot.proposed.items():
                if len(text) in self._lengths:
                    mass[text] = mass.get(text, 0.0) + ballot.quality * float(np.exp(log_p)) + _TINY
        return sorted(mass, key=lambda c: (-mass[c], c))[:KEPT_CANDIDATES]

    def _posterior(self, candidates: list[str], seen: Seen) -> NDArray[np.float64]:
        """(candidates,) probabilities; what is missing to one is 'something else'."""
        ballots = sorted(self._ballots, key=lambda b: b.rank)
        weights = np.array([max(b.quality, _TINY) for b in ballots])
        count = weights.sum() ** 2 / np.square(weights).sum()
        weights *= count / (1 + CORRELATION * (count - 1)) / weights.sum()
        # The same for all: that a string is longer, and so rarer by chance, speaks neither for nor against it.
        chance = self._prior.grammar.open_likelihood(candidates[0])
        scores = np.zeros(len(candidates))
        near, far = float(np.log(NEIGHBOURS)), -float(np.log(chance))
        for ballot, weight in zip(ballots, weights, strict=True):
            said = np.exp(ballot.log_likelihoods(candidates))
            doubt = ballot.outlier
            left = max(1.0 - float(said.sum()), 0.0) / NEIGHBOURS
            scores += weight * np.log(doubt + (1 - doubt) * said / chance)
            near += weight * float(np.log(doubt + (1 - doubt) * left / chance))
            far += weight * float(np.log(doubt))
        top = max(float(scores.max()), near, far)
        said_by_some = float(np.exp(scores - top).sum())
        known = said_by_some / (said_by_some + float(np.exp(near - top) + np.exp(far - top)))
        # The grammar moves likelihood between the candidates; it makes the frames no surer than they are.
        formats = np.array([self._prior.lift(c) for c in candidates])
        scores += GRAMMAR_WEIGHT * formats
        scores += SEEN_WEIGHT * (np.array([self._prior.lift(c, seen=seen) for c in candidates]) - formats)
        shares: NDArray[np.float64] = np.exp(scores - scores.max())
        shares *= known / shares.sum()
        return shares

    def _seen(self) -> Seen:
        """What the frames saw beside the characters, the good ones counting for more."""
        seen = [(b.seen, max(b.quality, _TINY)) for b in sorted(self._ballots, key=lambda b: b.rank)]
        return Seen(
            lines=_mean([(s.lines, weight) for s, weight in seen]),
            vehicle=_mean([(s.vehicle, weight) for s, weight in seen]),
            background=_mean([(s.background, weight) for s, weight in seen]),
            look=_mean([(s.look, weight) for s, weight in seen]),
        )

    def _is_plate(self, text: str) -> float:
        """Probability that what reads so is a plate at all and not lettering; that of the site's own is one."""
        if not (text.isalpha() or text.isdigit()) or self._prior.grammar.classes_of(text):
            return 1.0
        plates = UNMIXED * self._prior.shares[OPEN]
        return plates / (plates + LETTERING)

    def _origin(
        self, plate: str, posterior: Mapping[str, float], seen: Seen
    ) -> tuple[Scored | None, Scored | None]:
        """The likeliest country that has the plate, and its class, over all candidates."""
        countries: defaultdict[str, float] = defaultdict(float)
        classes: defaultdict[tuple[str, str], float] = defaultdict(float)
        for text, share in posterior.items():
            for origin in self._prior.origins(text, seen=seen):
                countries[origin.country] += share * origin.likelihood
                classes[origin.country, origin.plate_class] += share * origin.likelihood
        known = [o for o in self._prior.origins(plate, seen=seen) if o.country != OPEN]
        if not known:
            return None, None
        country = max(sorted({o.country for o in known}), key=lambda c: countries[c])
        names = sorted({o.plate_class for o in known if o.country == country})
        name = max(names, key=lambda n: classes[country, n])
        return _scored(country, countries[country]), _scored(name, classes[country, name])


def _mean(shares: list[tuple[Mapping[_Key, float], float]]) -> dict[_Key, float]:
    """Weighted mean over those that say anything."""
    total = sum(weight for found, weight in shares if found)
    mean: defaultdict[_Key, float] = defaultdict(float)
    for found, weight in shares:
        for key, share in found.items():
            mean[key] += share * weight / total
    return dict(mean)


def _characters(plate: str, posterior: Mapping[str, float]) -> tuple[Character, ...]:
    """Per position the share of the candidates of the plate's length that have each character there."""
    found = []
    for place, char in enumerate(plate):
        shares: defaultdict[str, float] = defaultdict(float)
        for text, share in posterior.items():
            if len(text) == len(plate):
                shares[text[place]] += share
        others = sorted((c for c in shares if c != char), key=lambda c: (-shares[c], c))[:2]
        alternatives = tuple(CharacterAlternative(char=c, likelihood=_unit(shares[c])) for c in others)
        found.append(Character(char=char, likelihood=_unit(shares[char]), alternatives=alternatives))
    return tuple(found)


def _scored(value: str, likelihood: float) -> Scored:
    return Scored(value=value, likelihood=_unit(likelihood))


def _unit(share: float) -> float:
    return min(max(share, 0.0), 1.0)
