"""What holds of the parts of the hotlists' copy, whatever is listed."""

import random
import zlib

from hypothesis import given
from hypothesis import strategies as st

from edge.contract.hotlist import PARTS, CopyError, Entry, digest, pack, part_of, unpack
from edge.contract.pattern import ALPHABET

words = st.none() | st.text(max_size=12)
moments = st.integers(-(10**15), 10**16)
plates = st.text(ALPHABET, min_size=1, max_size=12)
entries = st.builds(
    Entry, plates, st.sampled_from(["stolen", "wanted"]), st.just("CO"), words, words, words, words, moments, moments,
    st.integers(1, 5),
)  # fmt: skip
lists = st.lists(entries, max_size=30, unique_by=lambda e: (e.plate, e.list_name))


def parts(listed: list[Entry]) -> list[bytes]:
    shares: list[list[Entry]] = [[] for _ in range(PARTS)]
    for entry in listed:
        shares[part_of(entry.plate)].append(entry)
    return [pack(share) for share in shares]


@given(lists, st.randoms(use_true_random=False))
def test_the_bytes_are_a_function_of_the_entries_and_give_them_back(
    listed: list[Entry], chance: random.Random
) -> None:
    sent = parts(listed)
    shuffled = list(listed)
    chance.shuffle(shuffled)
    assert parts(shuffled) == sent
    assert {e for n, payload in enumerate(sent) for e in unpack(payload, n)} == set(listed)


@given(lists, entries)
def test_a_change_of_one_entry_changes_one_part(listed: list[Entry], entry: Entry) -> None:
    others = [e for e in listed if (e.plate, e.list_name) != (entry.plate, entry.list_name)]
    before, after = parts(others), parts([*others, entry])
    changed = [n for n in range(PARTS) if digest(before[n]) != digest(after[n])]
    assert changed == [part_of(entry.plate)]


@given(st.binary(max_size=200), st.booleans())
def test_whatever_comes_is_a_part_or_refused(noise: bytes, packed: bool) -> None:
    payload = zlib.compress(noise) if packed else noise
    try:
        found = unpack(payload, 5)
    except CopyError:
        return
    assert all(part_of(entry.plate) == 5 for entry in found)
