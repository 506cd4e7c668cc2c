"""What a hit means, and how it is told."""

from dataclasses import replace
from datetime import timedelta

import pytest
from central_reads import NOON, a_read
from hypothesis import given
from hypothesis import strategies as st

from central.alert.rules import explain, second_look, seen_again
from central.types import Hit, HotlistEntry, Reason
from edge.contract.read import PlateRead, Scored, Vehicle


def a_hit(read: PlateRead, **more: object) -> Hit:
    fields: dict[str, object] = {
        "list_name": "medellin",
        "plate": "ABC123",
        "country": "CO",
        "plate_class": None,
        "reason": Reason.STOLEN,
        "priority": 1,
        "source": "SIJIN",
        "case_number": "C-1",
        "valid_from": NOON,
        "valid_until": NOON + timedelta(days=1),
    }
    return Hit(5, HotlistEntry(**{**fields, **more}), read, read.likelihood)  # type: ignore[arg-type]


def told(
    read: PlateRead, *, late_by: timedelta | None = None, country_known: bool = True, **listed: object
) -> str:
    return explain(a_hit(read, **listed), country_known=country_known, late_by=late_by, language="en")


def test_the_explanation_names_plate_doubt_list_and_case():
    words = told(a_read(1))
    assert "ABC123 (CO, private, likelihood 0.79), in 3 of 4 frames" in words
    assert "listed as stolen in medellin (priority 1, source SIJIN, case C-1)" in words
    assert "character 2 B 0.79 / 8 0.20 / R 0.00" in words
    assert "LATE" not in words
    assert "COMPARE" not in words


def test_a_plate_that_only_the_sum_of_frames_shows_says_so():
    assert "no single frame says so, but the sum of 4" in told(a_read(1, votes=0))


def test_what_is_not_in_doubt_is_not_told():
    sure = a_read(1, characters=tuple({"char": c, "likelihood": 0.99} for c in "ABC123"))
    assert "doubt" not in told(sure)


def test_class_and_country_are_told_where_they_differ():
    read = a_read(1, plate_class=Scored(value="publico", likelihood=0.6))
    assert "list says class particular, the camera publico (0.60)" in told(read, plate_class="particular")
    assert "class" not in told(read, plate_class="publico")
    assert "could not tell" in told(a_read(1, plate_class=None), plate_class="particular")
    assert "country was not recognised; the list says CO" in told(
        a_read(1, country=None), country_known=False
    )


def test_a_vehicle_that_looks_otherwise_is_to_be_compared():
    vehicle = Vehicle(type=Scored(value="Car", likelihood=0.9), color=Scored(value="red", likelihood=0.7))
    words = told(a_read(1, vehicle=vehicle), vehicle_type="Motorcycle", color="Red", brand="Mazda")
    assert "COMPARE: vehicle type listed Motorcycle, seen Car (0.90)" in words
    assert "Vehicle color red as listed (0.70)" in words
    assert "compare: brand Mazda" in words


@pytest.mark.parametrize(
    ("listed", "seen", "is_same"),
    [
        ("white", "white or grey", True),
        ("Silver", "white or grey", True),
        ("plateado", "white or grey", True),
        ("gris", "white or grey", True),
        ("Rojo", "red", True),
        ("café", "brown", True),
        ("black", "white or grey", False),
        ("rojo", "blue", False),
        ("plata", "white or grey", True),
        ("Plateada", "white or grey", True),
        ("blanca", "white or grey", True),
        ("BLANCO NIEVE", "white or grey", True),
        ("GRIS PLATA", "white or grey", True),
        ("gris oscuro", "white or grey", True),
        ("cafe", "brown", True),
        ("MARRO\u0301N", "brown", True),
        ("negra", "black", True),
        ("roja", "red", True),
        ("rojo vino", "red", True),
        ("azul/blanco", "blue", True),
        ("amarilla", "blue", False),
        ("rojo vino", "white or grey", False),
    ],
)
def test_a_listed_colour_is_known_by_its_names(listed, seen, is_same):
    words = told(a_read(1, vehicle=Vehicle(color=Scored(value=seen, likelihood=0.9))), color=listed)
    assert ("as listed" in words) is is_same
    assert ("COMPARE" in words) is not is_same


@pytest.mark.parametrize(
    ("listed", "seen", "is_same"),
    [
        ("automóvil", "car", True),
        ("Carro", "car", True),
        ("camión", "truck", True),
        ("motocicleta", "motorcycle", True),
        ("Moto", "motorcycle", True),
        ("buseta", "bus", True),
        ("motocicleta", "car", False),
        ("camión", "bus", False),
    ],
)
def test_a_listed_type_is_known_by_its_names(listed, seen, is_same):
    read = a_read(1, vehicle=Vehicle(type=Scored(value=seen, likelihood=0.9)))
    words = told(read, vehicle_type=listed)
    assert ("as listed" in words) is is_same
    assert ("COMPARE" in words) is not is_same


@pytest.mark.parametrize("listed", ["beige", "vinotinto", "or", "dorado"])
def test_a_colour_that_no_camera_tells_is_to_be_compared_and_is_no_contradiction(listed):
    read = a_read(1, vehicle=Vehicle(color=Scored(value="white or grey", likelihood=0.9)))
    words = told(read, color=listed)
    assert "COMPARE" not in words
    assert f"so compare: color {listed} (seen white or grey 0.90)." in words


@pytest.mark.parametrize(
    ("late_by", "words"),
    [
        (timedelta(seconds=75), "1 min 15 s"),
        (timedelta(hours=26, minutes=3), "1 d 2 h"),
        (timedelta(hours=2), "2 h before"),
        (timedelta(seconds=0.2), "0 s"),
    ],
)
def test_a_late_read_says_how_late(late_by: timedelta, words: str):
    assert f"LATE: it was seen {words}" in told(a_read(1), late_by=late_by)


def test_a_second_look_says_what_it_reads_and_whether_it_fits():
    against = second_look(a_read(1, plate="ABC128"), fits=False, language="en")
    assert against.startswith("A better look at 12:00:01 UTC reads ABC128 (CO, private, likelihood 0.79)")
    assert "does not fit: compare the pictures" in against
    assert "fits this entry" in second_look(a_read(1), fits=True)


@given(
    late=st.one_of(st.none(), st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=4000))),
    listed=st.fixed_dictionaries(
        {name: st.one_of(st.none(), st.text(max_size=8)) for name in ("vehicle_type", "color", "brand")}
    ),
)
def test_there_is_always_an_explanation(late: timedelta | None, listed: dict[str, str | None]):
    assert "ABC123" in told(a_read(1), late_by=late, **listed)


def test_lower_trust_is_said_in_both_languages_and_normal_trust_is_not():
    lower = told(a_read(1, trust="lower"))
    assert "LOWER TRUST: from ordinary CCTV or a recording" in lower
    assert "MENOR CONFIANZA" in lower
    assert "TRUST" not in told(a_read(1))


def in_all(read: PlateRead, **listed: object) -> dict[str, str]:
    hit = a_hit(read, **listed)
    told = {"country_known": False, "late_by": timedelta(hours=2)}
    return {
        language: explain(hit, language=language, **told)  # type: ignore[arg-type]
        for language in ("en", "es", "both")
    }


def test_an_alert_says_why_in_the_language_of_the_setting():
    vehicle = Vehicle(type=Scored(value="car", likelihood=0.9), color=Scored(value="red", likelihood=0.7))
    read = a_read(1, vehicle=vehicle, plate_class=Scored(value="publico", likelihood=0.6))
    listed = {"vehicle_type": "moto", "color": "rojo", "brand": "Mazda", "plate_class": "particular"}
    found = in_all(read, **listed)
    assert found["es"] == (
        "ABC123 (CO, publico, certeza 0.79), en 3 de 4 cuadros; exactamente la placa que se busca en medellin, motivo "
        "hurtado (prioridad 1, fuente SIJIN, caso C-1). En duda: carácter 2 B 0.79 / 8 0.20 / R 0.00. No se reconoció "
        "el país de la placa; la lista dice CO. La lista dice clase particular, la cámara publico (0.60): las dos "
        "comparten esta numeración. COMPARE: tipo del vehículo en la lista moto, visto automóvil (0.90). Vehículo de "
        "color rojo, como en la lista (0.70). La cámara no lo reconoció, así que compare: marca Mazda. TARDE: se vio "
        "2 h antes de llegar."
    )
    assert "COMPARE: vehicle type listed moto, seen car (0.90)." in found["en"]
    for sentence in (*found["en"].split(". "), *found["es"].split(". ")):
        assert sentence.removesuffix(".") in found["both"]


@pytest.mark.parametrize("language", ["en", "es", "both"])
def test_what_must_keep_somebody_from_being_stopped_is_said_in_both_languages(language: str):
    read = a_read(1, trust="lower")
    words = in_all(read, stale_since=NOON, twins=("ABC12B",))[language]
    for said in ("LOWER TRUST", "MENOR CONFIANZA", "STALE", "SIN CONFIRMAR", "listed too", "no las confunda"):
        assert words.count(said) == 1
    against = second_look(read, fits=False, language=language)  # type: ignore[arg-type]
    assert "compare the pictures" in against
    assert "compare las imágenes" in against


def test_a_vehicle_that_comes_by_again_is_told_with_all_that_speaks_against_it():
    read = a_read(2, plate="ABC128", trust="lower", camera_id="cam-9")
    hit = a_hit(read, vehicle_type="moto", twins=("ABC12B",))
    words = seen_again(replace(hit, rival="ABC12S"), country_known=True, late_by=None)
    for said in (
        "Seen again: ABC128 (CO, private, likelihood 0.79), in 3 of 4 frames; it may be ABC123 (likelihood 0.79)",
        "Vista otra vez: ABC128",
        "LOWER TRUST",
        "COMPARE: ABC12B is listed too",
        "COMPARE: ABC12S, which looks alike",
        "COMPARE: vehicle type listed moto, seen Car",
        "In doubt: character 2 B 0.79",
    ):
        assert said in words
    assert "cam-9" not in words, "an erased read is told by neither place nor time"
    assert "12:00" not in words
