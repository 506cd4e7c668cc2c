"""The interpreter's settings: while batches are taken, and no longer."""

import gc
import sys

import pytest

from central.interpreter import set_for_batches


def test_turns_are_short_and_garbage_seldom_looked_for_meanwhile() -> None:
    before = sys.getswitchinterval(), gc.get_threshold(), gc.get_freeze_count()
    with set_for_batches():
        assert sys.getswitchinterval() < before[0]
        assert gc.get_threshold()[0] > before[1][0]
        assert gc.get_freeze_count() > before[2]
    assert (sys.getswitchinterval(), gc.get_threshold(), gc.get_freeze_count()) == (*before[:2], 0)


def test_whatever_happens_they_are_as_before() -> None:
    before = sys.getswitchinterval(), gc.get_threshold()
    with pytest.raises(ValueError, match="a fault"), set_for_batches():
        raise ValueError("a fault")
    assert (sys.getswitchinterval(), gc.get_threshold(), gc.get_freeze_count()) == (*before, 0)
