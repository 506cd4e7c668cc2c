"""Every figure of the bench, against counts by hand and known values."""

import pytest
from labelled import look, record

from edge.assets import plate_files
from edge.bench.align import align, distance
from edge.bench.confusion import confusion
from edge.bench.intervals import Share, band, share_of, wilson
from edge.bench.read_rate import Outcome, at_threshold, best_point, best_points, curve
from edge.bench.record import Cost
from edge.bench.reliability import reliability
from edge.bench.rendered import reads_as_car, rendered_scores
from edge.bench.scores import detector_score, set_scores, text_score
from edge.bench.speed import WARM_UPS, speed, timed
from edge.bench.strata import strata, width_class
from edge.contract.plate import Grammar
from edge.grammar import load_grammar


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return load_grammar(plate_files())


class TestIntervals:
    @pytest.mark.parametrize(
        ("right", "n", "low", "high"),
        # Newcombe, "Two-sided confidence intervals for the single proportion", Stat. Med. 1998, table I, method 3.
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
    )
    def test_wilsons_interval_is_as_published(self, right: int, n: int, low: float, high: float) -> None:
        assert wilson(right, n) == pytest.approx((low, high), abs=5e-5)
        assert wilson(n - right, n) == pytest.approx((1 - high, 1 - low), abs=5e-5)

    @pytest.mark.parametrize(("right", "n"), [(0, 0), (2, 1), (-1, 3)])
    def test_what_is_no_share_is_refused(self, right: int, n: int) -> None:
        with pytest.raises(ValueError, match=f"no share: {right} of {n}"):
            wilson(right, n)

    def test_a_share_says_what_it_rests_on(self) -> None:
        found = share_of([True, True, False, True])
        assert found == Share(3, 4)
        assert found.as_json() == {"n": 4, "right": 3, "share": 0.75, "interval": list(wilson(3, 4))}
        assert share_of([]) is None

    def test_the_band_is_the_binomials(self) -> None:
        # 20 reads at .5: 5 or fewer have probability .0207, 6 or fewer .0577.
        assert band([0.5] * 20) == (6 / 20, 14 / 20)

    def test_the_band_of_unequal_likelihoods(self) -> None:
        assert band([1.0, 1.0, 0.0, 0.0]) == (0.5, 0.5)
        assert band([0.99]) == (1.0, 1.0)
        assert band([0.97]) == (0.0, 1.0)

    def test_no_reads_have_no_band(self) -> None:
        with pytest.raises(ValueError, match="no band of no reads"):
            band([])


class TestAlignment:
    @pytest.mark.parametrize(
        ("first", "second", "edits"),
        [
            ("", "", 0), ("ABC", "", 3), ("", "AB", 2), ("ABC123", "ABC128", 1), ("ABC123", "BC1238", 2),
            ("KITTEN", "SITTING", 3),
        ],
    )  # fmt: skip
    def test_edits_are_levenshteins(self, first: str, second: str, edits: int) -> None:
        assert distance(first, second) == distance(second, first) == edits

    @pytest.mark.parametrize(
        ("truth", "read", "pairs"),
        [
            ("QA1", "OA1", [("Q", "O"), ("A", "A"), ("1", "1")]),
            ("ABC", "BC", [("A", ""), ("B", "B"), ("C", "C")]),
            ("BC", "BCX", [("B", "B"), ("C", "C"), ("", "X")]),
            ("", "A", [("", "A")]),
            ("", "", []),
        ],
    )
    def test_each_character_has_its_counterpart(
        self, truth: str, read: str, pairs: list[tuple[str, str]]
    ) -> None:
        assert align(truth, read) == pairs

    def test_confusions_are_counted_commonest_first(self) -> None:
        found = confusion([("QQ1", "OO1"), ("Q1", "Q"), ("I1", "11")])
        assert found.right == {"1": 2, "Q": 1}
        assert list(found.errors.items()) == [(("Q", "O"), 2), (("1", ""), 1), (("I", "1"), 1)]
        assert found.as_json()["errors"][0] == {"truth": "Q", "read": "O", "n": 2}


class TestScores:
    def test_look_alikes_are_merged_apart(self) -> None:
        score = text_score(
            [("ABO120", "ABO120"), ("ABO120", "AB0120"), ("SBZ1Q6", "5821OG"), ("ABC123", "ABC12")]
        )
        assert (score.exact, score.merged_o0, score.merged_all) == (Share(1, 4), 0.5, 0.75)
        assert score.cer == pytest.approx((0 + 1 + 5 + 1) / 24)

    def test_sets_are_told_apart_and_distinct_plates_counted(self) -> None:
        sets = set_scores(
            [
                record("ABC123", "ABC128", decoded="ABC123"),
                record("ABC123"),
                record("ABC123", country="VE"),
                record("XYZ789", found=False),
                record(None, set_name="t"),
                record("KLM456", set_name="u"),
            ]
        )
        assert list(sets) == ["s", "u"]  # nobody read the plate of t
        score = sets["s"]
        assert (score.n, score.distinct, score.found) == (4, 3, Share(3, 4))
        assert (score.raw.exact, score.decoded.exact) == (Share(2, 4), Share(3, 4))
        told = score.as_json()
        assert told["raw"]["exact_interval"] == list(wilson(2, 4))
        assert told["decoded"]["exact"] == 0.75

    def test_recall_and_false_boxes(self) -> None:
        scene = {"kind": "scene"}
        score = detector_score(
            [
                look(
                    record(set_name="br", **scene), record(set_name="br", found=False, **scene), false_boxes=3
                ),
                look(record(None, set_name="ro", **scene), false_boxes=1),
                look(record(None, set_name="ro", found=False, **scene)),
                look(set_name="negative", kind="scene", false_boxes=2),
                look(set_name="negative", kind="scene"),
                look(record("ABC123", width=None, found=False, **scene)),  # has no box that could be found
                look(record()),  # a crop
            ]
        )
        assert score.recall50 == Share(2, 4)
        assert score.sets == {"br": Share(1, 2), "ro": Share(1, 2)}
        assert score.on_negatives is not None
        assert (score.on_negatives.per_picture, score.on_negatives.pictures) == (1.0, 2)
        assert score.on_labelled is not None
        assert score.on_labelled.per_picture == 0.5  # of br not every plate is labelled

    def test_without_scenes_nothing_is_said_of_the_detector(self) -> None:
        score = detector_score([look(record())])
        assert (score.recall50, score.sets, score.on_negatives, score.on_labelled) == (None, {}, None, None)


def read(*pairs: tuple[float, bool], silent: int = 0) -> list[Outcome]:
    return [Outcome(right, p) for p, right in pairs] + [Outcome(False, 0.0, said=False)] * silent


class TestReadRate:
    def test_the_curve_accepts_equal_likelihoods_together(self) -> None:
        points = curve(read((0.9, True), (0.5, False), (0.5, True), (0.2, False), silent=1))
        assert [(p.threshold, p.right, p.wrong, p.n) for p in points] == [
            (0.9, 1, 0, 5), (0.5, 2, 1, 5), (0.2, 2, 2, 5),
        ]  # fmt: skip

    def test_the_best_threshold_reads_most_within_what_may_be_false(self) -> None:
        judged = read(*[(0.9, True)] * 50, (0.8, False), *[(0.7, True)] * 60, (0.1, False))
        assert best_point(judged, false_share=0.005).right == 50
        found = best_point(judged, false_share=0.01)
        assert (found.threshold, found.right, found.wrong) == (0.7, 110, 1)
        assert found.as_json() == {
            "threshold": 0.7, "read_rate": 110 / 112, "interval": list(wilson(110, 112)), "false_share": 1 / 111,
            "accepted": 111, "wrong": 1, "n": 112,
        }  # fmt: skip
        assert [p.right for p in best_points(judged).values()] == [110, 110, 50]

    def test_a_sure_wrong_read_leaves_nothing_to_accept(self) -> None:
        found = best_point(read((0.9, False), (0.8, True)), false_share=0.01)
        assert (found.right, found.wrong, found.read_rate, found.false_share) == (0, 0, Share(0, 2), 0.0)

    def test_what_is_not_said_is_not_accepted_at_any_threshold(self) -> None:
        found = at_threshold(read((0.5, True), (0.4, True), silent=2), 0.0)
        assert (found.right, found.wrong, found.n) == (2, 0, 4)
        assert at_threshold(read((0.5, True), (0.4, True)), 0.5).right == 1


class TestReliability:
    def test_reads_are_binned_by_likelihood(self) -> None:
        found = reliability(read((0.05, False), (1.0, True), (0.95, True), (0.91, False), silent=3))
        assert [(b.low, b.n, b.right) for b in found.bins] == [(0.0, 1, 0.0), (0.9, 3, 2 / 3)]
        assert found.bins[1].mean == pytest.approx((1.0 + 0.95 + 0.91) / 3)
        assert found.n == 4
        assert found.error == pytest.approx((1 * 0.05 + 3 * abs(2 / 3 - 2.86 / 3)) / 4)

    def test_one_who_is_too_sure_leaves_the_band(self) -> None:
        found = reliability(read(*[(0.99, True)] * 90, *[(0.99, False)] * 10))
        assert not found.bins[0].inside
        told = found.as_json()
        assert (told["bins_outside"], told["bins"][0]["inside"]) == (1, False)
        assert reliability(read(*[(0.9, True)] * 90, *[(0.9, False)] * 10)).bins[0].inside

    def test_nothing_said_has_no_error(self) -> None:
        found = reliability(read(silent=2))
        assert (found.n, found.bins, found.error) == (0, (), 0.0)


class TestStrata:
    @pytest.mark.parametrize(
        ("width", "name"),
        [(12, "<60"), (59.9, "<60"), (60, "60-90"), (139, "90-140"), (140, "140-220"), (220, ">220"), (999, ">220"),
         (None, "no box")],
    )  # fmt: skip
    def test_the_classes_of_width(self, width: float | None, name: str) -> None:
        assert width_class(width) == name

    def test_each_plate_is_in_one_class_of_each_kind(self) -> None:
        found = strata(
            [
                record(width=300, lines=2),
                record(width=30, set_name="t", kind="scene"),
                record("ABC123", "ABC12", decoded="ABC123", width=100),
                record("ABC123", found=False),
                record(None),
            ]
        )
        assert {by: list(classes) for by, classes in found.items()} == {
            "width_px": ["<60", "90-140", ">220"],
            "lines": ["1", "2", "not read"],
            "kind": ["crop", "scene"],
            "set": ["s", "t"],
        }
        middle = found["width_px"]["90-140"]
        assert (middle.found, middle.raw, middle.decoded) == (Share(1, 2), Share(0, 2), Share(1, 2))
        assert middle.as_json()["n"] == 2


class TestRendered:
    @pytest.mark.parametrize(
        ("truth", "decoded", "country", "as_car"),
        [
            ("ABC12D", "ABC120", "CO", True),
            ("ABC12D", "ABC12D", "CO", False),  # right
            ("ABC12D", "ABC12O", "CO", False),  # wrong, but no car's
            ("ABC12D", "", "CO", False),
            ("ABC1D23", "ABC1D28", "BR", False),  # in Brazil a motorcycle bears that too
            ("ABC12D", "ABC120", "INT", False),  # nothing is known of there
        ],
    )
    def test_a_motorcycle_read_as_a_car(
        self, grammar: Grammar, truth: str, decoded: str, country: str, as_car: bool
    ) -> None:
        assert reads_as_car(record(truth, decoded=decoded, country=country), grammar) is as_car

    def test_plates_count_in_their_class_and_in_their_light(self, grammar: Grammar) -> None:
        found = rendered_scores(
            [
                record("ABC12D", decoded="ABC120", vehicle="motorcycle", light="night"),
                record("ABC12D", vehicle="motorcycle", light="day"),
                record("ABC123", "ABC128", decoded="ABC123", vehicle="car", light="night"),
                record("ABC124", vehicle="truck"),
                record(None, vehicle="car"),
            ],
            grammar,
        )
        assert list(found) == ["car", "day", "moto", "night", "truck"]
        moto = found["moto"]
        assert (moto.exact, moto.raw, moto.as_car, moto.distinct) == (
            Share(1, 2),
            Share(2, 2),
            Share(1, 2),
            1,
        )
        assert (found["car"].exact, found["car"].raw, found["car"].as_car) == (Share(1, 1), Share(0, 1), None)
        assert found["night"].exact == Share(1, 2)
        told = moto.as_json()
        assert (told["n"], told["exact"], told["as_car"]) == (2, 0.5, 0.5)
        assert told["as_car_interval"] == list(wilson(1, 2))
        assert "as_car" not in found["car"].as_json()


class TestSpeed:
    def test_the_first_calls_are_left_out(self) -> None:
        found = speed([Cost(9.0, 9.0)] * WARM_UPS + [Cost(0.001, 0.002), Cost(0.003, 0.002), Cost(0.5, 0.5)])
        assert (found.n, found.ms, found.cpu_ms) == (3, pytest.approx(3), pytest.approx(2))
        assert found.as_json()["warm_ups"] == WARM_UPS

    def test_too_few_calls_have_no_median(self) -> None:
        found = speed([Cost(1.0, 1.0)] * WARM_UPS)
        assert (found.n, found.ms, found.cpu_ms) == (0, None, None)

    def test_a_call_is_timed_and_its_answer_kept(self) -> None:
        answer, cost = timed(lambda: sum(range(200_000)))
        assert answer == 19999900000
        assert cost.wall_s > 0
        assert cost.cpu_s > 0
