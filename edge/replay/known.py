"""Whether what a folder knows of an earlier replay is what is asked for now."""

from collections.abc import Sequence

from edge.errors import ConfigError
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
