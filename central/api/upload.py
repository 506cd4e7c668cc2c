"""A file that comes as the body of a request: onto the disk, without a name, bounded in size and time."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from central.api.problems import Problem

QUIET_S: Final = 30.0
"""A client that sends nothing for so long has gone."""
WHOLE_S: Final = 600.0
"""And the whole has so long."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A body on the disk.

    Attributes:
        path: by which this process can open it, again and again, while it is there.
        sha256: of it, hexadecimal.
    """

    path: Path
    sha256: str


@asynccontextmanager
async def uploaded(request: Request, *, most_bytes: int) -> AsyncIterator[Upload]:
    """Take the body.

    It is gone from the disk when the block ends, and when the process is killed: it never has a name in a folder, for
    it holds plates.

    Args:
        request: its body was not read yet.
        most_bytes: of the body.

    Raises:
        Problem: it is longer, does not come, or there is no room for it.
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most_bytes:
        raise _too_long(most_bytes)
    with tempfile.TemporaryFile() as file:
        digest, taken, chunks = hashlib.sha256(), 0, request.stream()
        try:
            async with asyncio.timeout(WHOLE_S):
                while chunk := await _next(chunks):
                    taken += len(chunk)
                    if taken > most_bytes:
                        raise _too_long(most_bytes)
                    digest.update(chunk)
                    await run_in_threadpool(file.write, chunk)
                await run_in_threadpool(file.flush)
        except TimeoutError as error:
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, f"the body took longer than {WHOLE_S:g} s") from error
        except OSError as error:
            raise Problem(
                HTTPStatus.INSUFFICIENT_STORAGE, f"there is no room for the file here: {error.strerror}"
            ) from error
        yield Upload(Path(f"/proc/self/fd/{file.fileno()}"), digest.hexdigest())


async def _next(chunks: AsyncIterator[bytes]) -> bytes:
    """The next piece; nothing at the end."""
    try:
        async with asyncio.timeout(QUIET_S):
            async for chunk in chunks:
                if chunk:
                    return chunk
    except ClientDisconnect as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "the client went away") from error
    except TimeoutError as error:
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, f"the body did not come on for {QUIET_S:g} s") from error
    return b""


def _too_long(most_bytes: int) -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the file is larger than {most_bytes / 2**20:g} MiB (api.upload_mb): send it in parts",
    )
