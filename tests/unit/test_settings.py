"""Both sides' configuration: what is wrong is named by file, key or line, and by what was expected."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import make_url

import central.errors
import central.sections
import central.settings
import edge.errors
import edge.secret
import edge.settings

EDGE = "edge_id: box-1\nsite_id: s1\ncameras:\n  - {id: c1, url: 'rtsp://127.0.0.1:554/a'}\n"
SIDES = [
    pytest.param(edge.settings, edge.errors.ConfigError, EDGE, id="edge"),
    pytest.param(central.settings, central.errors.ConfigError, "mqtt: {port: 1883}\n", id="central"),
]


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("side", "error", "good"), SIDES)
class TestBothSides:
    def test_a_good_file_loads(self, side: ModuleType, error: type, good: str, tmp_path: Path) -> None:
        assert side.load(write(tmp_path, good)).mqtt.host == "127.0.0.1"

    def test_a_missing_file_is_named(self, side: ModuleType, error: type, good: str, tmp_path: Path) -> None:
        with pytest.raises(error, match=r"nowhere\.yaml: cannot be read: No such file"):
            side.load(tmp_path / "nowhere.yaml")

    def test_broken_yaml_says_the_line(
        self, side: ModuleType, error: type, good: str, tmp_path: Path
    ) -> None:
        with pytest.raises(error, match=r"config\.yaml: line \d+, column \d+: not YAML"):
            side.load(write(tmp_path, good + "mqtt: [1, 2\nport: }\n"))

    def test_bytes_that_are_not_text(self, side: ModuleType, error: type, good: str, tmp_path: Path) -> None:
        path = tmp_path / "config.yaml"
        path.write_bytes(b"a: \xff\xfe")
        with pytest.raises(error, match="not UTF-8: byte 3"):
            side.load(path)

    def test_an_unknown_key_is_named(self, side: ModuleType, error: type, good: str, tmp_path: Path) -> None:
        with pytest.raises(error, match=r"colour: unknown setting$"):
            side.load(write(tmp_path, good + "colour: red\n"))

    def test_a_list_is_no_configuration(
        self, side: ModuleType, error: type, good: str, tmp_path: Path
    ) -> None:
        with pytest.raises(error, match="expected a mapping of settings, found list"):
            side.load(write(tmp_path, "- a\n- b\n"))

    def test_a_broker_elsewhere_needs_tls(
        self, side: ModuleType, error: type, good: str, tmp_path: Path
    ) -> None:
        text = good.replace("mqtt: {port: 1883}\n", "") + "mqtt: {host: broker.example}\n"
        with pytest.raises(error, match="tls is compulsory: broker.example is not this machine"):
            side.load(write(tmp_path, text))

    def test_unless_it_says_so_itself(self, side: ModuleType, error: type, good: str, tmp_path: Path) -> None:
        text = (
            good.replace("mqtt: {port: 1883}\n", "") + "mqtt: {host: 192.0.2.7, insecure_plaintext: true}\n"
        )
        broker = side.load(write(tmp_path, text)).mqtt
        assert (broker.insecure_plaintext, broker.is_exposed) == (True, True)
        assert not side.load(write(tmp_path, good)).mqtt.is_exposed, "this machine"

    @pytest.mark.parametrize(
        ("mqtt", "who", "doubt"),
        [
            ("{}", "a client without a user", "does it ask for a user and password?"),
            ("{username: u, password_file: f}", "user 'u'", "are user and password right?"),
            (
                "{tls: {ca_file: ca}}",
                "a client without a user",
                "does it ask for a certificate, or for a user and password?",
            ),
            (
                "{tls: {ca_file: ca, cert_file: /c.pem, key_file: k}}",
                "certificate /c.pem",
                "is our certificate of its authority, valid and not revoked?",
            ),
        ],
    )
    def test_who_we_are_to_the_broker_is_told(
        self, side: ModuleType, error: type, good: str, tmp_path: Path, mqtt: str, who: str, doubt: str
    ) -> None:
        text = good.replace("mqtt: {port: 1883}\n", "") + f"mqtt: {mqtt}\n"
        broker = side.load(write(tmp_path, text)).mqtt
        assert broker.who == who
        assert broker.doubts.startswith(f"{doubt} Does it speak MQTT 5?")

    def test_paths_are_beside_the_file(
        self, side: ModuleType, error: type, good: str, tmp_path: Path
    ) -> None:
        text = (
            good.replace("mqtt: {port: 1883}\n", "") + "mqtt: {username: u, password_file: secrets/broker}\n"
        )
        assert side.load(write(tmp_path, text)).mqtt.password_file == tmp_path / "secrets" / "broker"

    def test_a_key_given_twice_is_refused(
        self, side: ModuleType, error: type, good: str, tmp_path: Path
    ) -> None:
        text = good.replace("mqtt: {port: 1883}\n", "") + "mqtt:\n  port: 1883\n  port: 1884\n"
        line = text.count("\n")
        with pytest.raises(
            error, match=rf"config\.yaml: line {line}, column 3: port stands here twice"
        ) as caught:
            side.load(write(tmp_path, text))
        assert f"first in line {line - 1}" in str(caught.value)

    @pytest.mark.parametrize(
        "value", ["2024-99-99", "!!timestamp noon", "!!int many", "!!bool perhaps", "!!float x", '!!int ""']
    )
    def test_a_value_that_is_not_what_it_looks_like(
        self, side: ModuleType, error: type, good: str, value: str, tmp_path: Path
    ) -> None:
        with pytest.raises(
            error, match=r"config\.yaml: line \d+, column \d+: not YAML: .* cannot be read as"
        ):
            side.load(write(tmp_path, good + f"when: {value}\n"))

    def test_nesting_without_end(self, side: ModuleType, error: type, good: str, tmp_path: Path) -> None:
        with pytest.raises(error, match=r"config\.yaml: nested too deeply"):
            side.load(write(tmp_path, good + f"deep: {'[' * 5000}"))

    def test_an_alias_of_itself(self, side: ModuleType, error: type, good: str, tmp_path: Path) -> None:
        with pytest.raises(error, match=r"colour"):
            side.load(write(tmp_path, good + "colour: &a [*a]\n"))

    def test_aliases_and_merges_are_no_repetition(
        self, side: ModuleType, error: type, good: str, tmp_path: Path
    ) -> None:
        text = good.replace("mqtt: {port: 1883}\n", "")
        text += "mqtt: {<<: {port: 1883, keepalive_s: 30}, port: 1884}\n"
        mqtt = side.load(write(tmp_path, text)).mqtt
        assert (mqtt.port, mqtt.keepalive_s) == (1884, 30)

    def test_an_unknown_key_has_its_line(
        self, side: ModuleType, error: type, good: str, tmp_path: Path
    ) -> None:
        line = good.count("\n") + 1
        with pytest.raises(error, match=rf"line {line}: colour: unknown setting"):
            side.load(write(tmp_path, good + "colour: red\n"))

    @pytest.mark.parametrize(
        ("typo", "said"),
        [
            ("mqtt: {prot: 1883}", r"line \d+: mqtt\.prot: unknown setting, did you mean port\?"),
            ("mqtt: {tls: {ca_fil: a}}", r"mqtt\.tls\.ca_fil: unknown setting, did you mean ca_file\?"),
            ("mqtt: {tls: {}}", r"mqtt\.tls\.ca_file: needed, but not there"),
            ("mqqt: {}", r"mqqt: unknown setting, did you mean mqtt\?"),
        ],
    )
    def test_a_typo_is_told_what_may_be_meant(
        self, side: ModuleType, error: type, good: str, typo: str, said: str, tmp_path: Path
    ) -> None:
        text = good.replace("mqtt: {port: 1883}\n", "") + f"{typo}\n"
        with pytest.raises(error, match=said):
            side.load(write(tmp_path, text))

    @pytest.mark.parametrize(
        ("mqtt", "words"),
        [
            ("{username: u}", "mqtt: username and password_file go together; password_file is missing"),
            ("{password_file: p}", "mqtt: username and password_file go together; username is missing"),
            (
                "{tls: {ca_file: a, cert_file: c}}",
                "mqtt.tls: cert_file and key_file go together; key_file is",
            ),
            (
                "{tls: {ca_file: a, key_file: k}}",
                "mqtt.tls: cert_file and key_file go together; cert_file is",
            ),
        ],
    )
    def test_half_of_a_pair_is_refused(
        self, side: ModuleType, error: type, good: str, mqtt: str, words: str, tmp_path: Path
    ) -> None:
        text = good.replace("mqtt: {port: 1883}\n", "") + f"mqtt: {mqtt}\n"
        with pytest.raises(error) as caught:
            side.load(write(tmp_path, text))
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("read_secret", "error"),
    [
        pytest.param(edge.secret.read_secret, edge.errors.ConfigError, id="edge"),
        pytest.param(central.sections.read_secret, central.errors.ConfigError, id="central"),
    ],
)
class TestSecrets:
    def test_it_is_read_without_its_line_end(
        self, read_secret: Callable[[Path], str], error: type, tmp_path: Path
    ) -> None:
        (tmp_path / "secret").write_text("s3cret \n")
        assert read_secret(tmp_path / "secret") == "s3cret "

    @pytest.mark.parametrize(
        ("content", "said"),
        [(None, "cannot be read"), (b"", "is empty"), (b"\n", "is empty"), (b"\xff", "UTF-8|utf-8")],
    )
    def test_one_that_is_missing_or_empty_or_no_text(
        self,
        read_secret: Callable[[Path], str],
        error: type,
        content: bytes | None,
        said: str,
        tmp_path: Path,
    ) -> None:
        if content is not None:
            (tmp_path / "secret").write_bytes(content)
        with pytest.raises(error, match=rf"secret: secret .*({said})"):
            read_secret(tmp_path / "secret")


@pytest.mark.parametrize("corner", ["[960, 0.5]", "[0.5, -0.1]", "[0.5, .nan]"])
def test_corners_in_px_are_told_to_be_shares(corner: str, tmp_path: Path) -> None:
    camera = f"  - id: c1\n    url: rtsp://127.0.0.1:554/a\n    region: [[0, 0], [1, 0], {corner}]\n"
    said = r"line 6: cameras\.0\.region\.2\.[01]: corners are in shares of the picture's width and height"
    with pytest.raises(edge.errors.ConfigError, match=said):
        edge.settings.load(write(tmp_path, f"edge_id: box-1\nsite_id: s1\ncameras:\n{camera}"))


def test_default_paths_too_are_beside_the_file(tmp_path: Path) -> None:
    assert edge.settings.load(write(tmp_path, EDGE)).spool.path == tmp_path / "state" / "spool.sqlite"
    centre = central.settings.load(write(tmp_path, "site_timezone: America/Bogota\n"))
    assert centre.archive.path == tmp_path / "state" / "archive"
    assert centre.pictures.path == tmp_path / "state" / "pictures"
    assert centre.database_url == f"sqlite:///{tmp_path}/state/central.sqlite"


def test_a_typo_in_a_camera_is_told_what_may_be_meant(tmp_path: Path) -> None:
    with pytest.raises(
        edge.errors.ConfigError,
        match=r"cameras\.0\.min_plate_pix: unknown setting, did you mean min_plate_px\?",
    ):
        edge.settings.load(write(tmp_path, EDGE.replace("{id: c1", "{id: c1, min_plate_pix: 60")))


def test_a_camera_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(edge.errors.ConfigError, match="camera ids must be distinct; twice: c1"):
        edge.settings.load(write(tmp_path, EDGE + "  - {id: c1, url: 'rtsp://127.0.0.1:554/b'}\n"))


def test_a_password_in_the_url_is_refused_and_not_repeated(tmp_path: Path) -> None:
    text = EDGE.replace("rtsp://127", "rtsp://admin:hunter2@127")
    with pytest.raises(edge.errors.ConfigError, match=r"cameras\.0\.url") as caught:
        edge.settings.load(write(tmp_path, text))
    assert "hunter2" not in str(caught.value)
    assert str(caught.value).splitlines()[1:] == [
        "  line 4: cameras.0.url: put user and password into username and password_file, not into the address"
    ]


def test_an_address_of_another_kind_is_told_what_is_expected(tmp_path: Path) -> None:
    text = EDGE.replace("rtsp://127", "http://127")
    with pytest.raises(edge.errors.ConfigError, match=r"cameras\.0\.url: expected rtsp://host:port/path"):
        edge.settings.load(write(tmp_path, text))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://h:554/Streaming/Channels/101", "rtsp://h:554/Streaming/Channels/101"),
        ("rtsp://h/s?user=admin&password=ge/h?e=im", "rtsp://h/s?user=***&password=***"),
        ("rtsp://h/user=admin&password=geheim&channel=1.sdp?x", "rtsp://h/user=***?***"),
        ("rtsp://h/a=geheim/b?geheim&c=#geheim", "rtsp://h/a=***/b?***&c=***"),
        ("rtsp://h/a#geheim", "rtsp://h/a#***"),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert edge.settings.CameraSettings(id="c1", url=url).shown_url == shown


def test_what_is_certain_is_legible(tmp_path: Path) -> None:
    text = EDGE + "vote: {certain: 0.6, legible: 0.7}\n"
    with pytest.raises(
        edge.errors.ConfigError, match=r"line 5: vote: certain \(0\.6\) is less than legible \(0\.7\)"
    ):
        edge.settings.load(write(tmp_path, text))
    edge.settings.load(write(tmp_path, EDGE + "vote: {certain: 0.7, legible: 0.7}\n"))


@pytest.mark.parametrize(
    ("said", "meant"),
    [("0-63", set(range(64))), ("7", {7}), ("0-2,40", {0, 1, 2, 40}), ("'0, 3-4'", {0, 3, 4}), ("5-5", {5})],
)
def test_partitions_are_numbers_and_ranges(said: str, meant: set[int], tmp_path: Path) -> None:
    text = f"mqtt:\n  client_id: central-2\n  partitions: {said}\n"
    assert central.settings.load(write(tmp_path, text)).mqtt.partitions == meant


@pytest.mark.parametrize("said", ["64", "0-64", "31-0", "''", "'1,'", "-1", "all", "1.5", "true", "null"])
def test_other_partitions_are_refused(said: str, tmp_path: Path) -> None:
    text = f"mqtt:\n  client_id: central-2\n  partitions: {said}\n"
    with pytest.raises(
        central.errors.ConfigError, match=r"line 3: mqtt\.partitions: expected numbers or ranges from 0 to 63"
    ):
        central.settings.load(write(tmp_path, text))


def test_a_part_of_the_partitions_needs_a_session_of_its_own(tmp_path: Path) -> None:
    text = "mqtt:\n  partitions: 0-31\n"
    with pytest.raises(
        central.errors.ConfigError, match=r"client_id: expected a name that no other consumer has"
    ):
        central.settings.load(write(tmp_path, text))


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("pictures: {keep_days: 8}\narchive: {keep_days: 7}\n", r"line 1: pictures: keep_days \(8\)"),
        ("archive: {keep_days: 7}\n", r"pictures: keep_days \(30\)"),
    ],
)
def test_no_picture_is_kept_longer_than_its_read(lines: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(central.errors.ConfigError, match=says) as caught:
        central.settings.load(write(tmp_path, lines))
    assert "expected at most archive.keep_days (7)" in str(caught.value)


@pytest.mark.parametrize("days", [1, 7])
def test_a_picture_may_go_with_its_read_or_before(days: int, tmp_path: Path) -> None:
    lines = f"pictures: {{keep_days: {days}}}\narchive: {{keep_days: 7}}\n"
    assert central.settings.load(write(tmp_path, lines)).pictures.keep_days == days


def test_a_fault_of_the_archive_is_told_once(tmp_path: Path) -> None:
    with pytest.raises(central.errors.ConfigError, match="archive.keep_days") as caught:
        central.settings.load(write(tmp_path, "archive: {keep_days: 0}\n"))
    assert "pictures" not in str(caught.value)


def test_sqlite_lies_beside_the_file(tmp_path: Path) -> None:
    settings = central.settings.load(write(tmp_path, "database_url: sqlite:///state/c.sqlite\n"))
    assert settings.database_url == f"sqlite:///{tmp_path}/state/c.sqlite"


@pytest.mark.parametrize("url", ["sqlite:////var/lib/c.sqlite", "postgresql+psycopg://a@/b"])
def test_other_databases_stay_as_they_are(url: str, tmp_path: Path) -> None:
    assert central.settings.load(write(tmp_path, f"database_url: {url}\n")).database_url == url


POSTGRES = "postgresql+psycopg://atalaya@db.example/atalaya"


def test_the_password_file_of_a_database_lies_beside_the_file(tmp_path: Path) -> None:
    settings = central.settings.load(write(tmp_path, f"database_url: {POSTGRES}?passfile=secrets/pgpass\n"))
    assert make_url(settings.database_url).query["passfile"] == f"{tmp_path}/secrets/pgpass"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql+psycopg://atalaya:hunter2@db.example/atalaya", "no password in the address"),
        ("postgresql+psycopg://atalaya:@db.example/atalaya", "no password in the address"),
        (f"{POSTGRES}?password=hunter2", "no password in the address"),
        (f"{POSTGRES}?sslkey=k&sslpassword=hunter2", "no password in the address"),
        ("nonsense", "expected sqlite:///"),
        ("hunter2://", "expected sqlite:///"),
        ("postgresql+psycopg://atalaya:hunter2@db.example:port/atalaya", "expected sqlite:///"),
        ("postgresql://atalaya@db.example/atalaya", "expected sqlite:///"),
        ("mysql://atalaya@db.example/atalaya", "expected sqlite:///"),
        ("sqlite://", "a file"),
        ("sqlite:///:memory:", "a file"),
    ],
)
def test_a_database_that_cannot_be_is_told_without_its_password(url: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(central.errors.ConfigError) as caught:
        central.settings.load(write(tmp_path, f"site_timezone: UTC\ndatabase_url: '{url}'\n"))
    (line,) = str(caught.value).splitlines()[1:]
    assert line.startswith("  line 2: database_url: ")
    assert says in line
    assert "hunter2" not in line


def test_the_password_file_of_a_database_is_looked_for(tmp_path: Path) -> None:
    path = write(tmp_path, f"database_url: {POSTGRES}?passfile=pgpass\n")
    settings = central.settings.load(path)
    with pytest.raises(central.errors.ConfigError, match=r"database_url: passfile .*/pgpass: no such file"):
        central.settings.check_files(path, settings)
    (tmp_path / "pgpass").touch(mode=0o644)
    with pytest.raises(central.errors.ConfigError, match=r"pgpass: others can read it.*chmod 600"):
        central.settings.check_files(path, settings)
    (tmp_path / "pgpass").chmod(0o600)
    central.settings.check_files(path, settings)


class TestStorage:
    KEYS = "  access_key_file: a\n  secret_key_file: b\n"

    @pytest.mark.parametrize(
        ("lines", "fault"),
        [
            ("  kind: s3\n", r"storage: s3 needs a bucket"),
            ("  access_key_file: a\n", r"storage: .*secret_key_file is missing"),
            (
                "  endpoint: s3.example\n",
                r"line 2: storage\.endpoint: expected https://host:port or http://host",
            ),
            ("  endpoint: https://user:word@s3.example\n", r"storage\.endpoint: expected https://host:port"),
            (
                "  endpoint: http://s3.example:9000\n",
                r"storage: https is compulsory: s3\.example is not this machine",
            ),
            ("  prefix: ../up\n", r"line 2: storage\.prefix: "),
            ("  kind: nfs\n", r"line 2: storage\.kind: "),
            (
                "  secret_key: hunter2\n",
                r"storage\.secret_key: unknown setting, did you mean secret_key_file\?",
            ),
        ],
    )
    def test_what_is_wrong_is_said(self, tmp_path: Path, lines: str, fault: str) -> None:
        with pytest.raises(central.errors.ConfigError, match=fault) as caught:
            central.settings.load(write(tmp_path, f"storage:\n{lines}"))
        assert "hunter2" not in str(caught.value)
        assert "word" not in str(caught.value)

    @pytest.mark.parametrize(
        "endpoint",
        ["https://s3.example:9000/", "http://127.0.0.1:9000", "http://localhost", "http://[::1]:9000"],
    )
    def test_an_endpoint_elsewhere_is_https(self, tmp_path: Path, endpoint: str) -> None:
        text = f"storage:\n  kind: s3\n  bucket: plates\n  endpoint: {endpoint}\n{self.KEYS}"
        assert central.settings.load(write(tmp_path, text)).storage.endpoint == endpoint

    def test_plaintext_elsewhere_must_be_asked_for(self, tmp_path: Path) -> None:
        text = "storage: {endpoint: 'http://s3.example', insecure_plaintext: true}\n"
        assert central.settings.load(write(tmp_path, text)).storage.endpoint == "http://s3.example"

    def test_a_missing_key_or_authority_is_told_by_the_check(self, tmp_path: Path) -> None:
        path = write(tmp_path, f"storage:\n  kind: s3\n  bucket: plates\n{self.KEYS}")
        settings = central.settings.load(path)
        with pytest.raises(central.errors.ConfigError, match=f"{tmp_path}/a: secret cannot be read"):
            central.settings.check_files(path, settings)
        for name in "ab":
            (tmp_path / name).write_text("key")
        central.settings.check_files(path, settings)
        path = write(tmp_path, "storage: {ca_file: nowhere.pem}\n")
        with pytest.raises(
            central.errors.ConfigError, match=r"storage\.ca_file: .*nowhere\.pem: no such file"
        ):
            central.settings.check_files(path, central.settings.load(path))
