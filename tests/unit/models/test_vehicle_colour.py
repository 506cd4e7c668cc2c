import csv
import hashlib
from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge.read.paint import UNTOLD
from edge.read.vehicle_colour import palette
from models.vehicle_colour import samples, train
from models.vehicle_colour.samples import FOLDS, LABELS, MOTORCYCLE, Sample, jittered

PAINTS = {"red": (20, 20, 180), "blue": (180, 60, 20), "white": (220, 220, 220)}


def sample(colour: str, number: int) -> Sample:
    random = np.random.default_rng(number)
    view = np.clip(random.normal(PAINTS[colour], 12, (18, 20, 3)), 0, 255).astype(np.uint8)
    light = np.array([0.8, 0.8, 0.8], np.float32)
    return Sample(
        f"{number}", "intl", "train", (colour,), view, np.ones((18, 20), bool), light, 1.0, number % FOLDS
    )


def test_every_label_is_a_known_colour_of_one_picture():
    with LABELS.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len({row["path"] for row in rows}) == len(rows)
    assert {row["split"] for row in rows} == {"train", "valid"}
    words = {word for row in rows for word in row["colours"].split("|")}
    assert words == {*train.CLASSES, MOTORCYCLE}
    assert sum(row["split"] == "train" and row["colours"] not in (UNTOLD, MOTORCYCLE) for row in rows) >= 200


def test_the_shipped_palette_tells_what_training_names():
    assert palette().names == train.names()


def test_a_fit_tells_paints_apart_that_it_has_not_seen():
    seen = [sample(colour, n) for n in range(12) for colour in PAINTS]
    fresh = [sample(colour, 100 + n) for n in range(4) for colour in PAINTS]
    shades = train.shades(seen)
    wanted, weights = train.targets(seen)
    matrix, bias = train.fit(train.rows_of(seen, shades), wanted, weights)
    answers = train.told(train.rows_of(fresh, shades) @ matrix.T + bias)
    assert all(train.right(s, name) for s, (name, _) in zip(fresh, answers, strict=True))
    again, _ = train.fit(train.rows_of(seen, shades), wanted, weights)
    assert np.array_equal(matrix, again)


def test_white_and_grey_are_told_as_one_and_nothing_else_is():
    assert set(train.TOLD) == {"white", "grey"}
    white = replace(sample("white", 1), colours=("white",))
    assert train.right(white, "white or grey")
    assert train.right(replace(white, colours=("grey", "black")), "white or grey")
    assert train.right(replace(white, colours=("grey", "black")), "black")
    assert not train.right(replace(white, colours=("black",)), "white or grey")
    assert not train.right(replace(white, colours=()), "white or grey")


def test_the_threshold_is_where_enough_are_right():
    red = [sample("red", n) for n in range(40)]
    answers = [("red" if n < 30 else "blue", 1 - n / 100) for n in range(40)]
    sure = train.threshold(red, answers)
    told = [name == "red" for name, share in answers if share >= sure]
    assert sum(told) / len(told) >= train.SURELY
    assert len(told) == 31


def test_a_colour_told_where_nobody_can_name_one_counts_as_wrong():
    named, unnamed = sample("red", 1), replace(sample("red", 2), colours=())
    answers = [("red", 0.9)] * 18 + [("red", 0.8)] * 2 + [("red", 0.7)] * 20
    people = [named] * 18 + [unnamed] * 2 + [named] * 20
    assert train.threshold(people, answers) == 0.7
    assert train.threshold(people[:30], answers[:30]) == 0.9


def test_no_threshold_that_is_good_enough_is_said_so():
    with pytest.raises(SystemExit, match="no threshold"):
        train.threshold([sample("red", n) for n in range(40)], [("blue", 0.9)] * 40)


def test_a_held_out_fold_has_no_part_in_the_shades_it_is_judged_by(monkeypatch):
    vehicles = [sample(colour, n) for n in range(14) for colour in PAINTS]
    seen: list[set[int]] = []
    shades = train.shades
    monkeypatch.setattr(train, "shades", lambda some: seen.append({s.fold for s in some}) or shades(some))
    monkeypatch.setattr(train, "STEPS", 20)
    folds = np.array([s.fold for s in vehicles])
    held = train.held_out(vehicles, folds, count=len(vehicles))
    assert seen == [set(range(FOLDS)) - {fold} for fold in range(FOLDS)]
    answers = train.told(held)
    assert all(train.right(s, name) for s, (name, _) in zip(vehicles, answers, strict=True))


def test_a_share_is_shown_with_its_interval_and_none_of_nothing():
    assert train.shown(8, 10) == "0.800 [0.49, 0.94]"
    assert train.shown(0, 0) == "none"


def test_other_light_leaves_the_label_and_the_shape():
    one = sample("red", 3)
    other = jittered(one, np.random.default_rng(1))
    assert (other.colours, other.view.shape, other.fold) == (one.colours, one.view.shape, one.fold)
    assert not np.array_equal(other.view, one.view)


def test_pictures_are_loaded_with_their_largest_plate(tmp_path, monkeypatch):
    labels = tmp_path / "mine.csv"
    labels.write_text(
        "path,split,colours\na.png,train,red|orange\nb.png,valid,unknown\nc.png,train,motorcycle\n"
    )
    monkeypatch.setattr(samples, "LABELS", labels)
    rows = ["path,split,set,kind,country,plate,x,y,w,h"]
    for name in "abc":
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((200, 300, 3), PAINTS["red"], np.uint8))
        rows += [
            f"{name}.png,train,gatecam,scene,,,10,10,20,8",
            f"{name}.png,train,gatecam,scene,,,100,120,60,20",
        ]
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    first, second = samples.load(tmp_path)
    assert (first.path, first.colours, first.fold) == ("a.png", ("red", "orange"), 0)
    assert second.colours == ()
    assert first.inside.all(axis=1).sum() > 0
    assert np.allclose(first.view[first.inside], PAINTS["red"], atol=2)
    (tmp_path / "a.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.png"):
        samples.load(tmp_path)


def test_the_table_names_the_shipped_palette():
    digest = hashlib.sha256(train.OUT.read_bytes()).hexdigest()[:12]
    table = (train.OUT.parents[1] / "README.md").read_text(encoding="utf-8")
    assert digest in table
    card = train.OUT.with_name("card.md").read_text(encoding="utf-8")
    assert f"**{palette().sure}**" in card, "the card is of another fit"
