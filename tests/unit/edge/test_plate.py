"""The plate grammar: its language, its files, what it says of strings, and what it never does."""

import math
import re
from pathlib import Path
from typing import Any

import pytest

from edge.assets import plate_files
from edge.contract.pattern import ALPHABET, expand
from edge.contract.plate import OPEN, Grammar, GrammarError
from edge.contract.seen import Seen
from edge.errors import ConfigError
from edge.grammar import load_grammar


@pytest.fixture(scope="module")
def shipped() -> Grammar:
    return load_grammar(plate_files())


def a_class(**changes: Any) -> dict[str, Any]:
    return {
        "name": "particular", "patterns": ["[A-Z]{3}[0-9]{3}"], "lines": 1, "vehicles": ["car"], "prior": 1,
        **changes,
    }  # fmt: skip


def a_country(*classes: dict[str, Any], country: str = "CO") -> dict[str, Any]:
    return {"country": country, "name": "Somewhere", "classes": list(classes) or [a_class()]}


OPEN_FILE = a_country(a_class(name="open", patterns=["[A-Z0-9]{2,8}"]), country=OPEN)


def grammar(*documents: dict[str, Any]) -> Grammar:
    return Grammar.from_documents({f"{i}.yaml": d for i, d in enumerate((*documents, OPEN_FILE))})


class TestPatterns:
    @pytest.mark.parametrize(
        ("pattern", "inside", "outside"),
        [
            ("[A-Z]{3}[0-9]{3}", ["ABC123", "OOO000"], ["ABC12D", "ABC12", "ABC1234", "abc123", "AB-123"]),
            ("CC[0-9]{3,4}", ["CC123", "CC1234"], ["CD123", "CC12", "CC12345"]),
            ("[A-HJ-NPR-Z]{2}1[X0-3]", ["AB1X", "ZZ12"], ["IB10", "OA10", "AB14"]),
            ("[A-Z]{2}[0-9]{4,5}[A-Z]{0,1}", ["AB1234", "AB12345", "AB1234C"], ["AB123", "AB12345CD"]),
        ],
    )
    def test_a_pattern_has_the_strings_it_says(
        self, pattern: str, inside: list[str], outside: list[str]
    ) -> None:
        shapes = expand(pattern)
        assert [t for t in inside if not any(t in s for s in shapes)] == []
        assert [t for t in outside if any(t in s for s in shapes)] == []

    def test_a_shape_knows_its_size(self) -> None:
        assert [s.size for s in expand("[AB]{1,2}[0-9]")] == [20, 40]

    @pytest.mark.parametrize(
        ("pattern", "message"),
        [
            ("", "expected 1 to 12 characters"),
            ("[A-Z]+", "column 6: expected a capital letter, a digit or a"),
            ("abc", "column 1: expected a capital letter"),
            ("A|B", "column 2: expected"),
            ("(CC|CD)1", "column 1: expected"),
            ("[Z-A]", "not a set of letters and digits"),
            ("[A-9]", "not a set of letters and digits"),
            ("[-A]", "not a set of letters and digits"),
            ("A{3,2}", r"expected a count of 1 to 12 in 'A\{3,2\}'"),
            ("A{0}", "expected a count of 1 to 12"),
            ("A{13}", "expected a count of 1 to 12"),
            ("[A-Z]{7}[0-9]{7}", "expected 1 to 12 characters"),
            ("A{0,1}", "expected 1 to 12 characters"),
            ("A{0,9}B{0,9}", "expands to more than 64 shapes"),
        ],
    )
    def test_what_is_no_pattern_is_refused_with_its_place(self, pattern: str, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            expand(pattern)


class TestFiles:
    def test_the_shipped_files_load(self, shipped: Grammar) -> None:
        wanted = {"CO", "VE", "EC", "PE", "BR", "AR", "CL", "PA", "MX", "BO", "GT", "PY", "UY"}
        assert set(shipped.countries) == wanted
        assert shipped.longest == 8

    def test_the_shares_of_a_country_make_one(self, shipped: Grammar) -> None:
        for country in (*shipped.countries, OPEN):
            assert sum(c.prior for c in shipped.classes if c.country == country) == pytest.approx(1)

    def test_what_is_from_memory_is_flagged(self, shipped: Grammar) -> None:
        doubtful = {(c.country, c.name) for c in shipped.classes if not c.confirmed}
        known = {("CO", "motocarro"), ("CO", "maquinaria"), ("AR", "motocicleta"), ("BO", "particular")}
        assert doubtful == known

    def test_colombian_motorcycles_have_two_lines(self, shipped: Grammar) -> None:
        classes = [c for c in shipped.classes if c.country == "CO" and "motorcycle" in c.vehicles]
        assert {(c.name, c.lines, c.background, c.text) for c in classes} == {
            ("motocicleta", 2, "yellow", "black")
        }

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, "bad.yaml:\n  (file): "),
            ([1], "bad.yaml:\n  (file): "),
            (a_country(country="co"), "bad.yaml:\n  country: expected two capital letters"),
            (a_country(country=False), "bad.yaml:\n  country: Input should be a valid string"),
            ({"country": "CO", "name": "x", "classes": []}, "bad.yaml:\n  classes: "),
            (a_country(a_class(lines=3)), "bad.yaml:\n  classes.0.lines: Input should be 1 or 2"),
            (a_country(a_class(prior=0)), "bad.yaml:\n  classes.0.prior: Input should be greater than 0"),
            (a_country(a_class(vehicles=["boat"])), "bad.yaml:\n  classes.0.vehicles.0: Input should be"),
            (a_country(a_class(colour="red")), "bad.yaml:\n  classes.0.colour: Extra inputs"),
            (a_country(a_class(patterns=["[A-"])), "bad.yaml:\n  classes.0.patterns: pattern"),
        ],
    )
    def test_a_wrong_file_is_named_with_the_key_and_what_was_expected(
        self, content: object, message: str
    ) -> None:
        with pytest.raises(GrammarError, match=re.escape(message)):
            Grammar.from_documents({"open.yaml": OPEN_FILE, "bad.yaml": content})

    def test_a_country_stands_in_one_file(self) -> None:
        with pytest.raises(GrammarError, match=r"1\.yaml: country: CO is already given by 0\.yaml"):
            grammar(a_country(), a_country())

    def test_the_open_pattern_is_compulsory(self) -> None:
        with pytest.raises(GrammarError, match="no file gives the open pattern"):
            Grammar.from_documents({"CO.yaml": a_country()})

    def test_the_loader_names_the_file_and_the_line(self, tmp_path: Path) -> None:
        (tmp_path / "CO.yaml").write_text("country: CO\nclasses: [\n", encoding="utf-8")
        with pytest.raises(ConfigError, match=r"CO\.yaml: line \d+, column \d+: not YAML"):
            load_grammar([tmp_path / "CO.yaml"])

    def test_the_loader_passes_on_what_the_grammar_says(self, tmp_path: Path) -> None:
        (tmp_path / "CO.yaml").write_text("country: CO\n", encoding="utf-8")
        with pytest.raises(ConfigError, match=r"CO\.yaml:\n  name: Field required"):
            load_grammar([tmp_path / "CO.yaml"])


class TestStrings:
    @pytest.mark.parametrize(
        ("text", "named"),
        [
            ("ABC123", {("CO", "particular"), ("CO", "publico"), ("VE", "particular"), ("EC", "particular")}),
            ("OBC123", {("CO", "oficial")}),
            ("ABC12D", {("CO", "motocicleta"), ("VE", "particular")}),
            ("ABC12", {("CO", "motocicleta"), ("CL", "motocicleta")}),
            ("AO1123", {("CO", "administrativo"), ("PA", "particular")}),
            ("T1234", {("CO", "carga")}),
            ("R12345", {("CO", "remolque")}),
            ("MC123456", {("CO", "maquinaria")}),
            ("CC1234", {("EC", "diplomatico")}),
            ("A1B234", {("PE", "particular")}),
            ("1234AB", {("PE", "motocicleta")}),
            ("ABC1D23", {("BR", "particular"), ("BR", "motocicleta")}),
            ("AB123CD", {("AR", "particular"), ("VE", "particular")}),
            ("BCDF12", {("CL", "particular")}),
            ("123456", {("PA", "particular")}),
            ("ABC123D", {("MX", "particular")}),
            ("AB12345C", {("MX", "camion")}),
            ("1234ABC", {("BO", "particular")}),
            ("P123ABC", {("GT", "particular")}),
            ("ABCD123", {("PY", "particular")}),
            ("ABC1234", {("UY", "particular"), ("BR", "particular"), ("MX", "particular")}),
        ],
    )
    def test_a_string_belongs_where_the_design_says(
        self, shipped: Grammar, text: str, named: set[tuple[str, str]]
    ) -> None:
        assert named <= {(o.country, o.plate_class) for o in shipped.classes_of(text)}

    @pytest.mark.parametrize(
        ("text", "country"), [("ABCI123", "MX"), ("OAB1234", "MX"), ("ABCD12", "CL"), ("1AB234", "PE")]
    )
    def test_a_string_does_not_belong_where_a_character_is_not_used(
        self, shipped: Grammar, text: str, country: str
    ) -> None:
        assert country not in {o.country for o in shipped.classes_of(text)}

    def test_o_and_0_are_two_characters(self, shipped: Grammar) -> None:
        assert shipped.classes_of("AO1123") != shipped.classes_of("AOI123") != shipped.classes_of("A01123")

    def test_variants_of_a_class_are_added_up(self) -> None:
        found = grammar(a_country(a_class(prior=3), a_class(prior=1, patterns=["[A-Z]{3}[0-9]{3}"])))
        assert found.classes_of("ABC123") == (("CO", "particular", pytest.approx(1 / 17_576_000)),)


class TestPrior:
    def test_it_is_the_sum_over_classes_of_share_times_uniform(self) -> None:
        found = grammar(
            a_country(a_class(prior=1), a_class(name="other", prior=3, patterns=["[AB]{3}[0-9]{3}"]))
        )
        expected = 0.95 * (0.25 / 17_576_000 + 0.75 / 8_000) + 0.05 * found.open_likelihood("ABA123")
        assert found.prior({"CO": 2.0}).log_of("ABA123") == pytest.approx(math.log(expected))

    @pytest.mark.parametrize("text", ["", "A", "M5XSX", "TRANSPORTE", "A" * 40])
    def test_a_plate_outside_every_grammar_is_still_possible(self, shipped: Grammar, text: str) -> None:
        assert math.isfinite(shipped.prior({"CO": 1.0}).log_of(text))

    def test_the_shares_at_a_site_make_one(self, shipped: Grammar) -> None:
        for weights in ({}, {"CO": 1.0}, {"CO": 9.0, "VE": 1.0}, {"FR": 1.0}, {"FR": 1.0, "CO": 1.0}):
            assert sum(shipped.prior(weights).shares.values()) == pytest.approx(1)

    def test_named_countries_share_by_weight_and_others_have_a_small_rest(self, shipped: Grammar) -> None:
        shares = shipped.prior({"CO": 3.0, "VE": 1.0}).shares
        assert shares["CO"] == pytest.approx(3 * shares["VE"])
        assert 0 < shares["EC"] < 0.01
        assert shares[OPEN] == pytest.approx(0.05)

    def test_a_country_without_a_grammar_counts_for_the_open_pattern(self, shipped: Grammar) -> None:
        assert shipped.prior({"FR": 1.0}).shares[OPEN] == pytest.approx(0.97)

    def test_the_site_decides_between_countries_that_share_a_string(self, shipped: Grammar) -> None:
        assert shipped.prior({"CO": 1.0}).origins("ABC12D")[0][:2] == ("CO", "motocicleta")
        assert shipped.prior({"VE": 1.0}).origins("ABC12D")[0][:2] == ("VE", "particular")

    def test_the_lines_decide_between_classes_that_share_a_string(self, shipped: Grammar) -> None:
        at_site = shipped.prior({"BR": 1.0})
        assert at_site.origins("ABC1D23", seen=Seen(lines={1: 1.0}))[0][:2] == ("BR", "particular")
        assert at_site.origins("ABC1D23", seen=Seen(lines={2: 1.0}))[0][:2] == ("BR", "motocicleta")

    def test_origins_make_one(self, shipped: Grammar) -> None:
        for text in ("ABC123", "XX", "NOTAPLATE"):
            origins = shipped.prior({"CO": 1.0}).origins(text, seen=Seen(lines={1: 1.0}))
            assert sum(o.likelihood for o in origins) == pytest.approx(1)

    def test_what_fits_is_lifted_and_what_does_not_is_lowered_a_little(self, shipped: Grammar) -> None:
        at_site = shipped.prior({"CO": 1.0})
        assert at_site.lift("ABC123") > 4
        assert at_site.lift("M5XSX") == pytest.approx(math.log(0.05))


class TestCompatible:
    @pytest.mark.parametrize(
        ("first", "second", "expected"),
        [
            ("particular", "particular", True),
            ("particular", "publico", True),
            ("publico", "particular", True),
            ("particular", "oficial", True),
            ("particular", "motocicleta", False),
            ("motocicleta", "particular", False),
            ("particular", "diplomatico", False),
            ("carga", "motocicleta", False),
            (None, "motocicleta", True),
            ("particular", None, True),
            ("particular", "a class of another spelling", True),
        ],
    )
    def test_classes_that_share_strings_are_compatible(
        self, shipped: Grammar, first: str | None, second: str | None, expected: bool
    ) -> None:
        assert shipped.compatible("CO", first, second) is expected

    def test_a_country_without_a_grammar_hides_nothing(self, shipped: Grammar) -> None:
        assert shipped.compatible("FR", "particular", "motocicleta")


def test_the_alphabet_is_that_of_the_contract() -> None:
    assert len(set(ALPHABET)) == 36
    assert re.fullmatch(r"[A-Z0-9]+", ALPHABET)
