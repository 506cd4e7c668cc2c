"""A real S3 server for tests: SeaweedFS from its wheel, on loopback, on free ports, in a folder of its own.

Started once a run where its program `weed` is; elsewhere those tests are skipped and say so.
"""

import json
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from brokers import free_port
from cryptography.hazmat.primitives.serialization import Encoding
from pyarrow import fs

from central.ca.authority import CERTIFICATE, create, key_pem, new_key
from central.sections import StorageSettings

BUCKET = "atalaya-tests"
PROGRAM = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")


@dataclass
class S3Server:
    """The server's process.

    Attributes:
        endpoint, tls_endpoint: its addresses, without and with TLS.
        ca_file: the authority of its certificate.
        access_key_file, secret_key_file: made up for the run.
    """

    folder: Path
    port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.access_key_file = self.folder / "access-key"
        self.secret_key_file = self.folder / "secret-key"
        keys = {"accessKey": secrets.token_hex(10), "secretKey": secrets.token_hex(20)}
        for file, key in zip((self.access_key_file, self.secret_key_file), keys.values(), strict=True):
            file.write_text(key + "\n")
        actions = ["Admin", "Read", "Write", "List"]
        users = {"identities": [{"name": "centre", "credentials": [keys], "actions": actions}]}
        (self.folder / "users.json").write_text(json.dumps(users))
        (self.folder / "data").mkdir()
        self.tls_endpoint = f"https://127.0.0.1:{self.tls_port}"
        self.ca_file = self.folder / "ca" / CERTIFICATE
        self._certify()
        # The same after a restart: the servers within find one another by them.
        parts = ("master", "volume", "filer")
        self._ports = [f"-{part}.port={free_port()}" for part in parts]
        self._ports += [f"-{part}.port.grpc={free_port()}" for part in (*parts, "s3")]

    def start(self) -> None:
        """Start it and wait until its bucket can be written."""
        assert self._process is None
        assert PROGRAM is not None
        words = [
            PROGRAM, "server", "-dir=data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            "-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=40",
            "-filer", f"-filer.localSocket={self.folder}/filer.sock",
            "-s3", f"-s3.port={self.port}", "-s3.config=users.json", f"-s3.localSocket={self.folder}/s3.sock",
            f"-s3.port.https={self.tls_port}", "-s3.cert.file=server.pem", "-s3.key.file=server.key",
            "-s3.autoCreateBucket=false", "-s3.port.iceberg=0", "-s3.port.lance=0", *self._ports,
        ]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + 60
        while not _listens(self.port) or not self._answers():
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def stop(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(20)
            self._process = None

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def section(self) -> dict[str, str]:
        """The section `storage` of a configuration, for a place of its own: a bucket costs the server much."""
        keys = {name: str(getattr(self, name)) for name in ("access_key_file", "secret_key_file")}
        return {"kind": "s3", "endpoint": self.endpoint, "bucket": BUCKET, "prefix": uuid4().hex, **keys}

    def settings(self, **more: object) -> StorageSettings:
        """The same, checked."""
        return StorageSettings.model_validate(self.section() | more)

    def filesystem(self) -> fs.S3FileSystem:
        """Its administrator's view."""
        return fs.S3FileSystem(
            access_key=self.access_key_file.read_text().strip(),
            secret_key=self.secret_key_file.read_text().strip(),
            region="us-east-1",
            scheme="http",
            endpoint_override=f"127.0.0.1:{self.port}",
            allow_bucket_creation=True,
        )

    def _certify(self) -> None:
        """A certificate of an authority of its own."""
        (self.folder / "ca").mkdir()
        now, key = datetime.now(UTC), new_key()
        authority = create(self.folder / "ca", name="S3", passphrase=secrets.token_hex(20), days=30, now=now)
        certificate = authority.sign_server(key.public_key(), hosts=("127.0.0.1",), days=20, now=now)
        (self.folder / "server.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        (self.folder / "server.key").write_bytes(key_pem(key))

    def _answers(self) -> bool:
        """It listens before it can store anything."""
        try:
            self.filesystem().create_dir(BUCKET)
            with self.filesystem().open_output_stream(f"{BUCKET}/ready") as stream:
                stream.write(b"1")
        except OSError:
            return False
        return True


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """The server; who ends it starts it again."""
    if PROGRAM is None:
        pytest.skip("no S3 server program (weed) on this machine")
    server = S3Server(tmp_path_factory.mktemp("s3"))
    try:
        server.start()
        yield server
    finally:
        server.stop()
