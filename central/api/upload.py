"""A file that comes as the body of a request: onto the disk, bounded in size and time."""

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

_QUIET_S: Final = 30.0
"""A client that sends nothing for so long has gone."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A body on the disk.

    Attributes:
        sha256: of it, hexadecimal.
    """

    path: Path
    sha256: str


@asynccontextmanager
async def uploaded(request: Request, *, most_bytes: int) -> AsyncIterator[Upload]:
    """Take the body; it is gone from the disk when the block ends.

    Args:
        request: its body was not read yet.
        most_bytes: of the body.

    Raises:
        Problem: it is longer, or does not come.
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most_bytes:
        raise _too_long(most_bytes)
    with tempfile.NamedTemporaryFile(prefix="atalaya-upload-", suffix=".csv") as file:
        digest, taken = hashlib.sha256(), 0
        chunks = request.stream()
        while chunk := await _next(chunks):
            taken += len(chunk)
            if taken > most_bytes:
                raise _too_long(most_bytes)
            digest.update(chunk)
            await run_in_threadpool(file.write, chunk)
        await run_in_threadpool(file.flush)
        yield Upload(Path(file.name), digest.hexdigest())


async def _next(chunks: AsyncIterator[bytes]) -> bytes:
    """The next piece; nothing at the end."""
    try:
        async with asyncio.timeout(_QUIET_S):
            async for chunk in chunks:
                if chunk:
                    return chunk
    except ClientDisconnect as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "the client went away") from error
    except TimeoutError as error:
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, f"the body did not come on for {_QUIET_S:g} s") from error
    return b""


def _too_long(most_bytes: int) -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the file is larger than {most_bytes / 2**20:g} MiB (api.upload_mb): send it in parts",
    )
