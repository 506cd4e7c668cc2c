"""One string from many frames: what the vote believes, and what it does not."""

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import pytest
from fakes import START, posterior

from edge.assets import plate_files
from edge.contract.pattern import ALPHABET
from edge.contract.plate import Grammar
from edge.grammar import load_grammar
from edge.settings import VoteSettings
from edge.types import Box, Detection, Observation, Reading, Verdict
from edge.vote import KEPT_FRAMES, KEPT_SPELLINGS, Vote

WHOLE = Detection(Box(0, 0, 100, 50), 0.9)


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return load_grammar(plate_files())


def frame(
    text: str,
    *,
    sure: float = 0.97,
    quality: float = 0.8,
    seconds: float = 0.0,
    lines: int = 1,
    log_probs: np.ndarray | None = None,
) -> Observation:
    spelt = posterior(text, sure=sure) if log_probs is None else log_probs
    reading = Reading(log_probs=spelt, alphabet=ALPHABET, text_raw=text.lower(), lines=lines)
    return Observation(START + timedelta(seconds=seconds), WHOLE, reading, quality)


def torn(text: str, place: int, shares: Mapping[str, float]) -> np.ndarray:
    """The posterior of `text`, but undecided at one place."""
    spelt = posterior(text)
    row = np.full(spelt.shape[1], 1e-4)
    for char, share in shares.items():
        row[ALPHABET.index(char) + 1] = share
    spelt[2 * place + 1] = np.log(row / row.sum())
    return spelt


def vote(
    grammar: Grammar, *frames: Observation, countries: Mapping[str, float] | None = None, min_length: int = 4
) -> Verdict | None:
    found = Vote(
        grammar=grammar, settings=VoteSettings(min_length=min_length), countries=countries or {"CO": 1.0}
    )
    for each in frames:
        found.add(each)
    return found.verdict()


def verdict(grammar: Grammar, *frames: Observation, countries: Mapping[str, float] | None = None) -> Verdict:
    found = vote(grammar, *frames, countries=countries)
    assert found is not None
    return found


class TestBelief:
    def test_no_frames_no_verdict(self, grammar: Grammar) -> None:
        assert vote(grammar) is None

    def test_frames_that_agree_are_believed(self, grammar: Grammar) -> None:
        found = verdict(grammar, *(frame("ABC123", seconds=i) for i in range(4)))
        assert (found.plate, found.votes, found.frames) == ("ABC123", 4, 4)
        assert found.likelihood > 0.98
        assert "".join(c.char for c in found.characters) == "ABC123"

    @pytest.mark.parametrize("quality", [0.0, 0.1, 0.5, 1.0])
    def test_one_frame_is_never_certain(self, grammar: Grammar, quality: float) -> None:
        found = verdict(grammar, frame("ABC123", sure=0.99999, quality=quality))
        assert found.likelihood < VoteSettings().certain

    def test_a_weak_frame_is_believed_less_than_a_good_one(self, grammar: Grammar) -> None:
        weak, good = (verdict(grammar, frame("ABC123", quality=q)).likelihood for q in (0.1, 0.9))
        assert weak < 0.6 < good

    def test_one_weak_frame_that_is_unsure_is_not_legible(self, grammar: Grammar) -> None:
        found = verdict(grammar, frame("ABC123", sure=0.6, quality=0.3))
        assert found.likelihood < VoteSettings().legible

    def test_more_frames_of_the_same_make_surer_but_not_without_bound(self, grammar: Grammar) -> None:
        likelihoods = [
            verdict(grammar, *(frame("ABC123", sure=0.8, seconds=i) for i in range(n))).likelihood
            for n in (1, 2, 4, 16)
        ]
        assert likelihoods == sorted(likelihoods)
        assert likelihoods[0] < 0.5 < likelihoods[-1] < 1

    def test_a_good_frame_outweighs_bad_ones(self, grammar: Grammar) -> None:
        frames = [frame("ABC128", quality=0.1, seconds=1), frame("ABC128", quality=0.1, seconds=2)]
        assert verdict(grammar, *frames, frame("ABC123", quality=1.0)).plate == "ABC123"

    def test_the_frames_together_may_say_what_none_said_first(self, grammar: Grammar) -> None:
        first = torn("ABC123", 4, {"2": 0.45, "7": 0.5})
        second = torn("ABC123", 4, {"2": 0.45, "Z": 0.5})
        found = verdict(grammar, frame("", log_probs=first), frame("", log_probs=second, seconds=1))
        assert (found.plate, found.votes, found.frames) == ("ABC123", 0, 2)

    def test_frames_that_contradict_one_another_are_not_certain(self, grammar: Grammar) -> None:
        found = verdict(grammar, frame("ABC123"), frame("XYZ789", seconds=1))
        assert found.likelihood < 0.6


class TestLettering:
    @pytest.mark.parametrize("text", ["", "A", "12", "ABC"])
    def test_what_is_too_short_is_no_plate(self, grammar: Grammar, text: str) -> None:
        found = vote(grammar, *(frame(text, sure=0.99, seconds=i) for i in range(3)))
        assert found is None or found.likelihood < VoteSettings().legible

    @pytest.mark.parametrize("text", ["TRANSPORTES", "COOTRANSMEDE", "NOESPLACA123"])
    def test_nor_is_a_long_word(self, grammar: Grammar, text: str) -> None:
        found = vote(grammar, *(frame(text, sure=0.99, seconds=i) for i in range(5)))
        assert found is None or found.likelihood < VoteSettings().legible

    @pytest.mark.parametrize("text", ["MAZDA", "POLICIA", "4441234", "20260115"])
    def test_nor_is_a_word_or_a_number_where_no_plates_are_so(self, grammar: Grammar, text: str) -> None:
        frames = [frame(text, sure=0.99, seconds=i) for i in range(5)]
        assert verdict(grammar, *frames).likelihood < VoteSettings().legible
        elsewhere = verdict(grammar, *frames, countries={"US": 1.0})
        assert (elsewhere.plate, elsewhere.likelihood > VoteSettings().legible) == (text, True)
        assert elsewhere.likelihood < VoteSettings().certain

    def test_unless_a_grammar_has_it(self, grammar: Grammar) -> None:
        found = verdict(grammar, *(frame("123456", seconds=i) for i in range(4)), countries={"PA": 1.0})
        assert found.likelihood > VoteSettings().certain

    def test_the_least_length_is_a_setting(self, grammar: Grammar) -> None:
        frames = [frame("K8", sure=0.99, seconds=i) for i in range(3)]
        assert vote(grammar, *frames) is None or vote(grammar, *frames).likelihood < 0.5
        short = vote(grammar, *frames, min_length=2)
        assert short is not None
        assert (short.plate, short.likelihood > 0.9) == ("K8", True)


class TestGrammar:
    def test_it_decides_where_the_frames_do_not(self, grammar: Grammar) -> None:
        undecided = torn("ABC123", 1, {"B": 0.48, "8": 0.5})
        frames = [frame("", log_probs=undecided, seconds=i) for i in range(3)]
        assert verdict(grammar, *frames).plate == "ABC123"

    def test_it_does_not_overrule_frames_that_are_sure(self, grammar: Grammar) -> None:
        for text in ("A8C123", "M5XSX", "B1MMIAN", "00X6119"):
            found = verdict(grammar, *(frame(text, seconds=i) for i in range(3)))
            assert found.plate == text
            assert found.likelihood > 0.9

    def test_it_folds_no_o_into_0(self, grammar: Grammar) -> None:
        for text in ("AO1123", "AOI123", "ABO120", "AB0120"):
            assert verdict(grammar, frame(text), frame(text, seconds=1)).plate == text

    def test_it_makes_the_frames_no_surer(self, grammar: Grammar) -> None:
        fits, fits_not = (verdict(grammar, frame(text)).likelihood for text in ("ABC123", "A8C1Z3"))
        assert fits == pytest.approx(fits_not, abs=0.05)


class TestOrigin:
    def test_the_site_names_the_country_and_the_string_the_class(self, grammar: Grammar) -> None:
        found = verdict(grammar, *(frame("ABC12D", seconds=i, lines=2) for i in range(3)))
        assert found.country is not None
        assert found.plate_class is not None
        assert (found.country.value, found.plate_class.value) == ("CO", "motocicleta")
        assert found.plate_class.likelihood <= found.country.likelihood <= found.likelihood + 1e-9

    def test_elsewhere_the_same_string_is_another_countrys(self, grammar: Grammar) -> None:
        found = verdict(grammar, frame("ABC12D"), frame("ABC12D", seconds=1), countries={"VE": 1.0})
        assert found.country is not None
        assert found.country.value == "VE"

    @pytest.mark.parametrize(("lines", "plate"), [(1, "SXU210"), (2, "SXU21O")])
    def test_lines_tell_a_letter_from_a_digit_that_looks_alike(
        self, grammar: Grammar, lines: int, plate: str
    ) -> None:
        """A typeface whose O is a 0: only motorcycles have two lines, and their plates end with a letter."""
        unsure = torn("SXU210", 5, {"0": 0.95, "O": 0.05})
        assert verdict(grammar, frame("SXU210", lines=lines, log_probs=unsure)).plate == plate

    def test_two_lines_speak_for_a_motorcycle(self, grammar: Grammar) -> None:
        for lines, name in ((1, "particular"), (2, "motocicleta")):
            found = verdict(grammar, frame("ABC1D23", lines=lines), countries={"BR": 1.0})
            assert found.plate_class is not None
            assert found.plate_class.value == name

    def test_a_string_of_no_grammar_has_no_country(self, grammar: Grammar) -> None:
        found = verdict(grammar, frame("M5XSX"), frame("M5XSX", seconds=1))
        assert (found.country, found.plate_class) == (None, None)


class TestCharacters:
    def test_the_two_best_alternatives_stand_with_their_likelihoods(self, grammar: Grammar) -> None:
        unsure = torn("ABC123", 4, {"2": 0.7, "7": 0.2, "Z": 0.09})
        found = verdict(grammar, frame("", log_probs=unsure))
        place = found.characters[4]
        assert (place.char, [a.char for a in place.alternatives]) == ("2", ["7", "Z"])
        assert place.likelihood > place.alternatives[0].likelihood > place.alternatives[1].likelihood
        assert sum((place.likelihood, *(a.likelihood for a in place.alternatives))) <= 1 + 1e-9

    def test_a_character_is_at_least_as_likely_as_the_plate(self, grammar: Grammar) -> None:
        found = verdict(grammar, frame("ABC123", sure=0.8))
        assert all(c.likelihood >= found.likelihood - 1e-9 for c in found.characters)


class TestMemory:
    def test_only_the_best_frames_are_kept_and_all_are_counted(self, grammar: Grammar) -> None:
        found = Vote(grammar=grammar, settings=VoteSettings(), countries={"CO": 1.0})
        for i in range(3 * KEPT_FRAMES):
            found.add(frame("ABC123" if i % 3 else "ABC128", quality=0.9 if i % 3 else 0.1, seconds=i))
        assert len(found._ballots) == KEPT_FRAMES
        assert {b.quality for b in found._ballots} == {0.9}
        final = found.verdict()
        assert final is not None
        assert (final.plate, final.votes, final.frames) == ("ABC123", 2 * KEPT_FRAMES, 3 * KEPT_FRAMES)
        assert found.frames == 3 * KEPT_FRAMES

    def test_the_spellings_that_are_counted_are_bounded(self, grammar: Grammar) -> None:
        found = Vote(grammar=grammar, settings=VoteSettings(), countries={})
        for i in range(KEPT_SPELLINGS + 20):
            found.add(frame(f"AB{i:04d}", seconds=i))
        assert len(found._spellings) == KEPT_SPELLINGS
        assert all(len(b.known) <= 300 for b in found._ballots)

    def test_the_raw_string_is_the_best_frames(self, grammar: Grammar) -> None:
        frames = [frame("ABC123", quality=0.9), frame("ABC128", quality=0.2, seconds=1)]
        assert verdict(grammar, *frames).plate_raw == "abc123"

    def test_a_long_raw_string_is_cut_to_what_the_message_holds(self, grammar: Grammar) -> None:
        long = frame("X" * 40, log_probs=posterior("ABC123"))
        assert len(verdict(grammar, long).plate_raw) == 24


class TestTwoVotes:
    """Votes of two tracks that may be of one plate."""

    def of(self, grammar: Grammar, *frames: Observation) -> Vote:
        found = Vote(grammar=grammar, settings=VoteSettings(), countries={"CO": 1.0})
        for each in frames:
            found.add(each)
        return found

    def test_the_same_string_agrees(self, grammar: Grammar) -> None:
        one, other = (self.of(grammar, frame("KAB123"), frame("KAB123", seconds=1)) for _ in range(2))
        assert one.agrees(other) > 0.8
        assert one.agrees(other) == pytest.approx(other.agrees(one))

    @pytest.mark.parametrize("other", ["KAB124", "KAB128", "KAB12D", "XYZ987"])
    def test_another_string_does_not_however_alike(self, grammar: Grammar, other: str) -> None:
        one = self.of(grammar, *(frame("KAB123", seconds=n) for n in range(4)))
        assert one.agrees(self.of(grammar, *(frame(other, seconds=n) for n in range(4)))) < 0.02

    def test_one_in_doubt_agrees_as_far_as_it_holds_the_other_s_string_likely(self, grammar: Grammar) -> None:
        sure = self.of(grammar, *(frame("KAB123", seconds=n) for n in range(4)))
        agreed = [
            sure.agrees(self.of(grammar, frame("KAB128", log_probs=torn("KAB128", 5, {"8": 1 - s, "3": s}))))
            for s in (0.05, 0.3, 0.5, 0.7)
        ]
        assert agreed == sorted(agreed)
        assert agreed[0] < 0.1
        assert agreed[-1] > 0.4

    def test_a_vote_without_a_frame_agrees_with_none(self, grammar: Grammar) -> None:
        assert self.of(grammar).agrees(self.of(grammar, frame("KAB123"))) == 0.0

    def test_to_absorb_is_to_have_seen_all_frames(self, grammar: Grammar) -> None:
        frames = [frame("KAB12B" if n % 3 else "KAB128", quality=0.3 + n / 40, seconds=n) for n in range(24)]
        one, other = self.of(grammar, *frames[:10]), self.of(grammar, *frames[10:])
        one.absorb(other)
        assert one.verdict() == self.of(grammar, *frames).verdict()
        assert one.frames == 24
