"""Whether what a folder knows of an earlier replay is what is asked for now."""

from collections.abc import Iterator, Mapping, Sequence

from edge.errors import ConfigError
from edge.replay.kept import Row
from edge.replay.recording import Recording
from edge.replay.state import State


def is_over(state: State, recordings: Sequence[Recording]) -> bool:
    """Whether all that the folder knows is done and something else is asked for: it is replaced, as ever."""
    rows = state.rows()
    wanted = {recording.identity for recording in recordings}
    known = {recording.identity for recording in recordings if state.find(recording.identity)}
    return bool(rows) and all(row.is_done for row in rows) and known != wanted


def refuse_another(state: State, recordings: Sequence[Recording]) -> None:
    """Where a folder holds a replay that was broken off, only that one may go on there.

    Raises:
        ConfigError: another one is asked for.
    """
    found = {row.number for r in recordings if (row := state.find(r.identity)) is not None}
    for row in state.rows():
        if row.number in found or not row.is_broken_off:
            continue
        same = [recording for recording in recordings if recording.name == row.name]
        why = "is another recording now (its size or content differs)" if same else "is not among these files"
        raise ConfigError(
            f"{state.path}: a replay of {row.name} was broken off here, and {row.name} {why}: finish that one, "
            "name another folder with --out, or begin anew with --again"
        )


def unpublished(state: State, recordings: Sequence[Recording]) -> tuple[list[Recording], dict[str, str]]:
    """These recordings, parted where some of their files were published before, as files come to a folder.

    What was published together stays together, so that it is known as done; files of which only some were given
    are left out; the others are what is to be read.

    Returns:
        The recordings, and of each file that is left out its name and why.

    Raises:
        ConfigError: a file is part of a recording that was broken off, or what is left says no time.
    """
    known = state.by_part()
    found: list[Recording] = []
    left: dict[str, str] = {}
    for recording in recordings:
        if state.find(recording.identity):
            found.append(recording)
        else:
            found += _parted(recording, known, left)
    return found, left


def _parted(
    recording: Recording, known: Mapping[str, tuple[Row, tuple[str, ...]]], left: dict[str, str]
) -> Iterator[Recording]:
    identities, began, at = recording.identities, 0, 0
    while at < len(identities):
        if identities[at] not in known:
            at += 1
            continue
        row, parts = known[identities[at]]
        path = recording.paths[at]
        if not row.is_done:
            raise ConfigError(
                f"{path}: is part of a replay of {row.name} that was broken off: finish that one "
                "with the files that it was begun with, or begin anew with --again"
            )
        if began < at:
            yield recording.of(began, at)
        if identities[at : at + len(parts)] == parts:
            yield recording.of(at, at + len(parts))
            at += len(parts)
        else:
            left[path.name] = f"{path}: left out, for it was published already, as part of {row.name}"
            at += 1
        began = at
    if began == 0:
        yield recording
    elif began < at:
        yield recording.of(began, at)
