"""Which character was read for which: the cheapest way from the truth to the reading. Levenshtein's distance."""

from itertools import pairwise


def distance(first: str, second: str) -> int:
    """The least insertions, deletions and substitutions from one to the other."""
    return _table(first, second)[-1][-1]


def align(truth: str, read: str) -> list[tuple[str, str]]:
    """Pairs (character of the truth, character read); one of the two is empty where a character was lost or added.

    Of equally cheap ways the one that substitutes latest in the string, rather than loses or adds, is taken.
    """
    table = _table(truth, read)
    pairs = []
    i, j = len(truth), len(read)
    while i or j:
        here = table[i][j]
        if i and j and here == table[i - 1][j - 1] + (truth[i - 1] != read[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((truth[i], read[j]))
        elif i and here == table[i - 1][j] + 1:
            i -= 1
            pairs.append((truth[i], ""))
        else:
            j -= 1
            pairs.append(("", read[j]))
    return pairs[::-1]


def _table(first: str, second: str) -> list[list[int]]:
    """(1 + len(first), 1 + len(second)): edits from each beginning of one to each of the other."""
    rows = [list(range(len(second) + 1))]
    for i, a in enumerate(first, start=1):
        above = rows[-1]
        row = [i]
        for (diagonal, up), b in zip(pairwise(above), second, strict=True):
            row.append(min(up + 1, row[-1] + 1, diagonal + (a != b)))
        rows.append(row)
    return rows
