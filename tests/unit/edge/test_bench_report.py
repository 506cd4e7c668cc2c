"""The report: as JSON, as tables, as pictures."""

import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from fakes import picture
from labelled import look, record
from rich.console import Console

from edge.assets import plate_files
from edge.bench.against import Absent, Asked, rival
from edge.bench.chart import BLUE, INK, Chart
from edge.bench.intervals import Share
from edge.bench.labels import NEGATIVES
from edge.bench.plots import read_rate_plot, reliability_plot, write_picture, write_plots
from edge.bench.read_rate import Outcome
from edge.bench.record import Cost, Said
from edge.bench.reliability import reliability
from edge.bench.report import Report, Run, outcomes, report
from edge.bench.sheet import check_place, contact_sheet, worst
from edge.bench.speed import WARM_UPS, Speed
from edge.bench.table import show
from edge.contract.plate import Grammar
from edge.contract.read import ModelVersions
from edge.errors import ConfigError, SourceError
from edge.grammar import load_grammar
from edge.types import Box

CALLS = (Cost(0.5, 0.5),) * WARM_UPS + (Cost(0.004, 0.003),)


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return load_grammar(plate_files())


@pytest.fixture(scope="module")
def run(grammar: Grammar) -> Run:
    """Four texts, one of them read wrong for sure, one not found; and a rendered motorcycle."""
    return Run(
        real=[
            look(record("ABC123", sure=0.99), set_name="co", reads=CALLS),
            look(record("QBC123", "OBC123", decoded="QBC123", sure=0.9, lines=2)),
            look(
                record("ABO123", "AB0123", sure=0.6, set_name="eu", kind="scene"),
                detect=CALLS[-1],
                false_boxes=1,
            ),
            look(record("XYZ789", found=False, set_name="eu", kind="scene"), detect=CALLS[-1]),
            look(set_name=NEGATIVES, kind="scene", detect=CALLS[-1], false_boxes=1),
            look(record(None, set_name="ro", kind="scene"), detect=CALLS[-1]),
        ],
        rendered=[look(record("ABC12D", "ABC120", vehicle="motorcycle", light="night", set_name="synth"))],
        models=ModelVersions(detector="d@1", reader="r@2"),
        grammar=grammar,
        full_hd=Speed(7, 20.0, 19.0),
        legible=0.7,
    )


@pytest.fixture(scope="module")
def found(run: Run) -> Report:
    return report(run)


class TestJson:
    def test_it_is_plain_and_says_what_each_figure_rests_on(self, found: Report) -> None:
        told = json.loads(json.dumps(found.as_json()))
        assert list(told) == [
            "models", "detector", "reader", "sets", "pooled", "strata", "confusion", "synth",
        ]  # fmt: skip
        assert told["models"] == {"detector": "d@1", "reader": "r@2"}
        detector = told["detector"]
        assert (detector["n"], detector["recall50"]) == (3, pytest.approx(2 / 3))
        assert detector["recall50_interval"] == list(Share(2, 3).interval)
        assert detector["sets"]["ro"]["n"] == 1
        assert (detector["false_boxes_per_picture"], detector["negatives"]) == (1, 1)
        assert (detector["false_boxes_per_labelled_picture"], detector["labelled"]) == (0, 1)
        assert (detector["ms"], detector["warm_ups"], detector["calls"]) == (pytest.approx(4), WARM_UPS, 1)
        assert (detector["ms_1080p"], detector["calls_1080p"]) == (20.0, 7)
        assert (told["reader"]["n"], told["reader"]["ms"], told["reader"]["cpu_ms"]) == (
            1, pytest.approx(4), pytest.approx(3),
        )  # fmt: skip

    def test_a_set_has_both_ways_and_one_of_them_directly(self, found: Report) -> None:
        raw = found.as_json()["sets"]["s"]
        assert (raw["n"], raw["distinct"], raw["found"]) == (2, 2, 1.0)
        assert (raw["exact"], raw["raw"]["exact"], raw["decoded"]["exact"]) == (0.5, 0.5, 1.0)
        assert raw["cer"] == raw["raw"]["cer"] == pytest.approx(1 / 12)
        assert found.as_json(preset=True)["sets"]["s"]["exact"] == 1.0

    def test_pooled_figures_count_all_texts(self, found: Report) -> None:
        pooled = found.as_json()["pooled"]
        assert list(pooled) == ["raw", "decoded", "raw_o0", "decoded_o0"]
        assert [p["exact"]["right"] for p in pooled.values()] == [1, 2, 2, 3]
        assert pooled["raw"]["read_rate"]["0.005"]["read_rate"] == 0.25
        assert pooled["decoded"]["read_rate"]["0.005"]["threshold"] == 0.9
        assert pooled["decoded_o0"]["read_rate"]["0.04"]["read_rate"] == 0.75
        legible = pooled["raw"]["legible"]
        assert (legible["threshold"], legible["read_rate"], legible["false_share"]) == (0.7, 0.25, 0.5)
        assert pooled["raw"]["reliability"]["n"] == 3  # of the plate that was not found nothing is said

    def test_what_was_not_found_confuses_no_characters(self, found: Report) -> None:
        assert found.as_json()["confusion"]["raw"]["errors"] == [
            {"truth": "O", "read": "0", "n": 1},
            {"truth": "Q", "read": "O", "n": 1},
        ]

    def test_rendered_plates_are_in_no_other_figure(self, found: Report) -> None:
        synth = found.as_json()["synth"]
        assert {name: score["n"] for name, score in synth.items()} == {"moto": 1, "night": 1}
        assert synth["moto"]["as_car"] == 1.0
        assert "synth" not in found.sets
        assert sum(s.raw.n for s in found.strata["set"].values()) == 4

    def test_rendered_plates_alone_make_a_report(self, run: Run, grammar: Grammar) -> None:
        alone = report(Run([], run.rendered, run.models, grammar, Speed(0, None, None), 0.5)).as_json()
        assert (alone["sets"], alone["pooled"], alone["detector"]["recall50"]) == ({}, {}, None)
        assert alone["synth"]["moto"]["n"] == 1


@pytest.fixture(scope="module")
def text(run: Run, found: Report, grammar: Grammar) -> str:
    asked = Asked(
        name="other",
        version="other 1.2",
        finds=True,
        real=[look(record("ABC123", "ABC124", path=Path("x.png")), detect=CALLS[0])],
        rendered=run.rendered,
    )
    blind = Asked(name="cropper", version="c 3", finds=False, real=[], rendered=[])
    rivals = [rival(a, ours=run.records, grammar=grammar) for a in (asked, blind)]
    console = Console(file=io.StringIO(), width=200)
    show(found, [*rivals, Absent("gone", "not installed: pip install [gone]")], console)
    printed = console.file
    assert isinstance(printed, io.StringIO)
    return printed.getvalue()


class TestTable:
    @pytest.mark.parametrize(
        "words",
        [
            "recall at IoU .5 66.7% 21-94 of 3 plates",
            "1.000 (1 in 1) without a plate, 0.000 (0 in 1) with every plate labelled",
            "median of a scene 4.0 ms, 3.0 ms of processor, 1 calls; of 1920x1080 20.0 ms",
            "the first 3 calls of each left out",
            "50.0% 9-91",
            "25.0% 5-70 ≥0.990",
            "25.0%, 50.0% ≥0.7",
            "not read",
            "O>0 1  Q>O 1",
            "100.0% 21-100",
            "rendered moto",
            "other: other 1.2; finds plates itself",
            "read rates at 4, 1 and 0.5 % false, of 1: raw 0.0% 0.0% 0.0%; raw, O=0 0.0% 0.0% 0.0%",
            "cropper: c 3; given each labelled plate, cut out",
            "gone: not installed: pip install [gone]",
        ],
    )
    def test_it_says(self, text: str, words: str) -> None:
        assert words in text

    def test_nothing_measured_prints_dashes(self, grammar: Grammar) -> None:
        none = Run([], [], ModelVersions(detector="d", reader="r"), grammar, Speed(0, None, None), 0.5)
        console = Console(file=io.StringIO(), width=120)
        show(report(none), [], console)
        printed = console.file
        assert isinstance(printed, io.StringIO)
        assert "recall at IoU .5 - of 0 plates" in printed.getvalue()
        assert "median of a crop -" in printed.getvalue()


class TestRival:
    def test_it_is_judged_beside_us_on_the_same_pictures(self, run: Run, grammar: Grammar) -> None:
        """It saw one of our pictures only, so of ours only that one counts."""
        ours = [record("ABC123", path=Path("a.png")), record("XYZ789", "", path=Path("b.png"))]
        seen = look(record("ABC123", "A8C123", sure=0.8, path=Path("a.png"), kind="scene"), detect=CALLS[0])
        found = rival(Asked("o", "1", True, [seen], []), ours=ours, grammar=grammar)
        assert (found.n, found.sets["s"].raw.exact) == (1, Share(0, 1))
        assert [p.right for p in found.read_rates["raw"].values()] == [0, 0, 0]
        assert [p.read_rate for p in found.ours["raw"].values()] == [Share(1, 1)] * 3
        told = json.loads(json.dumps(found.as_json()))
        assert (told["name"], told["version"], told["finds"], told["n"]) == ("o", "1", True, 1)
        assert told["sets"]["s"]["merged_all"] == 1.0
        assert told["recall50"]["share"] == 1.0
        assert told["ours_on_the_same"]["decoded"]["0.01"]["read_rate"] == 1.0

    def test_one_that_only_reads_has_no_recall(self, grammar: Grammar) -> None:
        found = rival(Asked("o", "1", False, [look(record())], []), ours=[], grammar=grammar)
        assert (found.detector, found.as_json()["recall50"], found.ours) == (None, None, {})


def dark(picture: np.ndarray) -> int:
    return int((picture.min(axis=2) < 128).sum())


class TestPlots:
    def test_each_is_a_picture_of_its_own(self, tmp_path: Path, run: Run, found: Report) -> None:
        texts = [r for r in run.records if r.truth is not None]
        curves = {"raw": outcomes(texts, way="raw"), "decoded": outcomes(texts, way="decoded")}
        written = write_plots(tmp_path / "new" / "plots", found, outcomes=curves)
        assert sorted(p.stem for p in written) == [
            "read_rate", "reliability-decoded", "reliability-raw", "strata-kind", "strata-lines", "strata-set",
            "strata-width_px",
        ]  # fmt: skip
        pictures = [cv2.imread(str(p)) for p in written]
        assert all(p is not None and p.shape[0] == 480 and dark(p) > 500 for p in pictures)
        assert len({p.tobytes() for p in pictures if p is not None}) == len(written)

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path, found: Report) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ConfigError, match="plots: cannot be made"):
            write_plots(tmp_path / "file" / "plots", found, outcomes={})

    def test_a_file_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"gone/a\.png: cannot be written: No such file"):
            write_picture(tmp_path / "gone" / "a.png", picture({}))

    def test_who_is_too_sure_is_orange(self) -> None:
        good = reliability_plot(
            reliability([Outcome(True, 0.95)] * 95 + [Outcome(False, 0.95)] * 5), title="x"
        )
        bad = reliability_plot(
            reliability([Outcome(True, 0.95)] * 50 + [Outcome(False, 0.95)] * 50), title="x"
        )
        at = bad.shape[1] - 20 - round(0.05 * (640 - 80)), 58 + round(0.5 * (480 - 114))
        assert tuple(bad[at[1], at[0]]) == (20, 120, 235)
        top = 58 + round(0.05 * (480 - 114))
        assert tuple(good[top, at[0]]) == (180, 105, 30)

    def test_the_read_rate_rises_with_what_may_be_false(self) -> None:
        """The line of 50 right at first, and 100 of 101 from 1 % on."""
        judged = [Outcome(True, 0.9)] * 50 + [Outcome(False, 0.8)] + [Outcome(True, 0.7)] * 50
        drawn = read_rate_plot({"raw": judged})
        blue = np.argwhere((np.abs(drawn.astype(int) - np.array(BLUE)) < 12).all(axis=2))
        plot = blue[(blue[:, 0] > 58)]
        left, right = plot[plot[:, 1] < 100][:, 0].max(), plot[plot[:, 1] > 500][:, 0].min()
        assert left > right  # further down on the left

    def test_places_outside_the_axes_are_kept_inside(self) -> None:
        chart = Chart(title="t", x_title="x", y_title="y")
        chart.dot(7, -3, INK)
        assert tuple(chart.picture[480 - 56, 640 - 20]) == INK


class TestSheet:
    @pytest.fixture
    def crops(self, tmp_path: Path) -> Path:
        cv2.imwrite(str(tmp_path / "a.png"), np.full((40, 160, 3), (0, 255, 0), np.uint8))
        cv2.imwrite(str(tmp_path / "b.png"), picture({7: Box(100, 60, 120, 60)}))
        return tmp_path

    def test_the_surest_wrong_reads_come_first(self) -> None:
        records = [
            record("A1", "A2", sure=0.5),
            record("A1", "A3", sure=0.9),
            record("A1", "A1", sure=0.99),
            record("A1", found=False),
            record(None),
        ]
        assert [r.decoded.text for r in worst(records)] == ["A3", "A2"]
        assert [r.decoded.text for r in worst(records, count=1)] == ["A3"]

    def test_it_shows_what_was_read(self, crops: Path) -> None:
        at = Box(100, 60, 120, 60)
        sheet = contact_sheet(
            [
                record("A1", "A2", path=crops / "a.png"),
                record("A1", "A2", path=crops / "b.png", box=at, kind="scene"),
            ]
        )
        assert (sheet == (0, 255, 0)).all(axis=2).sum() == 220 * 55  # as large as fits, in its shape
        assert (sheet == (200, 0, 7)).all(axis=2).any()  # the mark of the fake plate
        assert (sheet == 90).all(axis=2).sum() < 0.1 * 220 * 90  # and of the road no more than the margin

    def test_no_wrong_read_is_said_to_be_none(self) -> None:
        assert dark(contact_sheet([])) > 50

    def test_a_picture_that_is_gone_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"x\.png: gone since it was read"):
            contact_sheet([record("A1", "A2", path=tmp_path / "x.png")])

    def test_real_plates_stay_out_of_a_repository(self, tmp_path: Path) -> None:
        (tmp_path / "repo" / "deep").mkdir(parents=True)
        (tmp_path / "repo" / ".git").mkdir()
        inside = tmp_path / "repo" / "deep" / "sheet.png"
        with pytest.raises(
            ConfigError, match=r"lies in the git repository .*repo.*real plates \(br, co_crop\)"
        ):
            check_place(inside, ["co_crop", "br", "br", "synth"])
        check_place(inside, ["synth"])
        check_place(tmp_path / "sheet.png", ["br"])

    def test_a_link_into_a_repository_is_seen_through(self, tmp_path: Path) -> None:
        (tmp_path / "repo").mkdir()
        (tmp_path / "repo" / ".git").write_text("gitdir: elsewhere")  # as in a worktree
        (tmp_path / "link").symlink_to(tmp_path / "repo")
        with pytest.raises(ConfigError, match="lies in the git repository"):
            check_place(tmp_path / "link" / "sheet.png", ["br"])

    def test_its_folder_must_be_there(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="folder of the contact sheet does not exist"):
            check_place(tmp_path / "gone" / "sheet.png", ["synth"])


def test_nothing_said_is_neither_right_nor_accepted() -> None:
    judged = outcomes([record("ABC123", found=False)], way="decoded_o0")
    assert judged == [Outcome(False, 0.0, said=False)]
    assert Said("", 0.0) == record(found=False).raw
