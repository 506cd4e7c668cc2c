"""The API at work: uvicorn over the application, until SIGTERM or SIGINT."""

import signal
import socket
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI

from central.access.key import open_key
from central.api.app import make_app
from central.api.protocol import HurriedProtocol
from central.db import Clock, described, open_database
from central.errors import ConfigError
from central.sections import ApiSettings
from central.settings import CentralSettings

_CONNECTIONS: Final = 200
"""At once; one more is answered 503."""
_LINGER_S: Final = 60
"""What is under way at the end has so long."""
_log = structlog.get_logger(__name__)


def serve(settings: CentralSettings, *, clock: Clock) -> None:
    """Answer until SIGTERM or SIGINT.

    Raises:
        CentralError: it cannot be started: database, key of the audit log, address.
    """
    engine = open_database(settings.database_url)
    try:
        app = make_app(settings, engine, open_key(settings.access.key_file), clock=clock)
        with _listening(settings.api) as listening:
            server = server_of(app, settings.api)
            scheme = "http" if settings.api.cert_file is None else "https"
            _log.info(
                "answering",
                at=f"{scheme}://{settings.api.host}:{settings.api.port}",
                database=described(engine.url),
            )
            for number in (signal.SIGTERM, signal.SIGINT):
                # uvicorn ends in order at either, and raises it once more when it has.
                signal.signal(number, lambda *_: None)
            server.run(sockets=[listening])
    finally:
        engine.dispose()
    _log.info("stopped")


def server_of(app: FastAPI, at: ApiSettings) -> uvicorn.Server:
    """Uvicorn over an application, ready to run.

    Raises:
        ConfigError: the certificate or its key is none.
    """
    config = uvicorn.Config(
        app,
        http=HurriedProtocol,
        ssl_certfile=at.cert_file,
        ssl_keyfile=at.key_file,
        log_config=None,
        access_log=False,  # addresses and times of who looks belong into the audit log alone
        server_header=False,
        # Whoever may set these headers says where he comes from; nobody is believed.
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_LINGER_S,
    )
    try:
        config.load()
    except OSError as error:
        raise ConfigError(f"api: cert_file {at.cert_file}, key_file {at.key_file}: {error}") from error
    return uvicorn.Server(config)


def _listening(at: ApiSettings) -> socket.socket:
    """A socket at which we are heard.

    Raises:
        ConfigError: the address is not ours, or somebody else's already.
    """
    family = socket.AF_INET6 if ":" in at.host else socket.AF_INET
    try:
        return socket.create_server((at.host, at.port), family=family)
    except OSError as error:
        raise ConfigError(f"api: {at.host}:{at.port} cannot be listened at: {error}") from error
