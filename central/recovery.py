"""The commands for bad days: is everything what was written?"""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from central.options import configured, database, now, progress, style_of

if TYPE_CHECKING:
    from central.archive.mend import Mended
    from central.verify import Verified


@dataclass(frozen=True, slots=True)
class _Damaged:
    """A damaged file, as it is shown."""

    file: str
    reads: int
    why: str


@click.command()
@click.option("--all", "thoroughly", is_flag=True, help="read every page, not only sizes")
@click.option("--mend", "mending", is_flag=True, help="mend what can be mended, set aside what cannot")
@click.option("--json", "as_document", is_flag=True, help="one JSON document")
@configured
def verify(config: Path, **asked: Any) -> None:  # noqa: ANN401  # options
    """Look for damaged files of the archive; exit code 1 where there is one. Beside a running centre too."""
    from central.archive.mend import mend
    from central.archive.place import archive_of
    from central.archive.sorter import sorter
    from central.lock import exclusive
    from central.maintain import Step
    from central.verify import verify as look

    mended = None
    with database(config) as (settings, engine), progress() as tell:
        archive = archive_of(settings)
        found = look(
            archive,
            is_due=lambda _layout, _file: bool(asked["thoroughly"]),
            on_file=lambda table, done, of: tell(Step(f"verifying {table}", done, of)),
        )
        if asked["mending"] and found.faults:
            memory_mb = settings.archive.memory_mb
            with exclusive(engine, "maintaining", wait=False), sorter(archive, memory_mb=memory_mb) as duck:
                mended = mend(engine, archive, found.faults, duck=duck, now=now())
    if asked["as_document"]:
        from central.show import as_json

        style = style_of(settings)
        rows = [_Damaged(fault.name, fault.file.rows, fault.why) for fault in found.faults]
        told = {"files": found.files, "read": found.read, "reads": found.reads}
        more = None if mended is None else asdict(mended)
        click.echo(as_json("damaged", rows, style, **told, mended=more))
    else:
        _tell(found, mended)
    sys.exit(1 if found.faults and mended is None else 0)


def _tell(found: "Verified", mended: "Mended | None") -> None:
    for fault in found.faults:
        click.echo(f"DAMAGED  {fault.name}  {fault.file.rows:,} rows  {fault.why}")
    click.echo(f"{found.files} files, {found.read} of them read whole, {len(found.faults)} damaged")
    if mended is not None:
        click.echo(f"{len(mended.rebuilt)} rebuilt, {len(mended.again)} to be derived anew, ", nl=False)
        click.echo(f"{len(mended.aside)} set aside, {mended.lost:,} reads lost")
