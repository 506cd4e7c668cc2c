"""A box's way to its certificate: what is made, what is refused, and what stays as it was."""

import os
import pwd
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from city import City, certificate, files, run
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from edge import certificate as checks
from edge.check import faults
from edge.cli import cli
from edge.enroll.configuration import check_owner, put_tls
from edge.enroll.install import install
from edge.errors import CertificateError, ConfigError
from edge.settings import load

BOX = """\
# the box at the bridge
edge_id: edge-1     # its name
site_id: medellin
cameras:
  - {id: north, url: "rtsp://127.0.0.1/north"}
"""


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    return City(tmp_path_factory.mktemp("city"))


@pytest.fixture
def tls(tmp_path: Path) -> Path:
    return tmp_path / "tls"


@pytest.fixture
def sign(city: City, tmp_path: Path) -> Callable[..., Path]:
    """Signs the request that waits in a folder."""

    def sign(tls: Path, *, edge_id: str = "edge-1", days: int = 365) -> Path:
        out = tmp_path / f"{edge_id}.pem"
        words = (tls / "next" / f"{edge_id}.csr", "--edge", edge_id, "--days", days, "--out", out)
        city.run("sign", *words)
        return out

    return sign


def request(tls: Path, *, edge_id: str = "edge-1") -> str:
    return run(cli, "enroll", "request", "--edge-id", edge_id, "--out", tls)


def put(
    signed: Path, city: City, tls: Path, *, at: datetime | None = None, edge_id: str | None = None
) -> None:
    ca = city.ca / "ca.pem"
    install(signed, ca, folder=tls, edge_id=edge_id, clock=lambda: at or now())


def refusal(
    signed: Path, city: City, tls: Path, *, at: datetime | None = None, edge_id: str | None = None
) -> str:
    with pytest.raises(CertificateError) as caught:
        put(signed, city, tls, at=at, edge_id=edge_id)
    assert not (tls / "current").exists()
    return str(caught.value)


class TestRequest:
    def test_the_key_is_its_owner_s_alone_and_the_fingerprint_the_authority_s(
        self, city: City, tls: Path, tmp_path: Path
    ) -> None:
        said = request(tls)
        key = load_pem_private_key((tls / "next" / "edge.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert isinstance(key.curve, ec.SECP256R1)
        assert (tls / "next" / "edge.key").stat().st_mode & 0o777 == 0o600
        assert {path.stat().st_mode & 0o777 for path in (tls, tls / "next")} == {0o700}
        words = (tls / "next" / "edge-1.csr", "--edge", "edge-1", "--out", tmp_path / "out.pem")
        signed = city.run("sign", *words)
        shown = [line.split()[-1] for line in (said + signed).splitlines() if "fingerprint" in line]
        assert len(shown) == 2
        assert shown[0] == shown[1]

    def test_asked_again_it_keeps_the_key_that_waits(self, tls: Path) -> None:
        request(tls)
        before = (tls / "next" / "edge.key").read_bytes()
        assert "was there already" in request(tls)
        assert (tls / "next" / "edge.key").read_bytes() == before

    def test_the_name_is_that_of_the_configuration(self, tls: Path, tmp_path: Path) -> None:
        config = tmp_path / "edge.yaml"
        config.write_text(BOX)
        run(cli, "enroll", "request", "--config", config, "--out", tls)
        assert (tls / "next" / "edge-1.csr").exists()
        said = run(
            cli, "enroll", "request", "--config", config, "--edge-id", "edge-2", "--out", tls, fails=True
        )
        assert "edge_id is 'edge-1', not 'edge-2'" in said

    @pytest.mark.parametrize("edge_id", ["Edge", "a/b", "+", "ñ", "a" * 64])
    def test_a_name_that_is_none_is_refused(self, tls: Path, edge_id: str) -> None:
        said = run(cli, "enroll", "request", "--edge-id", edge_id, "--out", tls, fails=True)
        assert "is no edge_id" in said
        assert not tls.exists()

    def test_a_name_is_needed(self, tls: Path) -> None:
        assert "name the box" in run(cli, "enroll", "request", "--out", tls, fails=True)

    def test_a_folder_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "tls").write_text("a file")
        said = run(
            cli, "enroll", "request", "--edge-id", "edge-1", "--out", tmp_path / "tls" / "x", fails=True
        )
        assert "edge.key: cannot be written: Not a directory" in said


class TestInstall:
    def test_what_is_signed_is_put_to_use(self, city: City, tls: Path, sign: Callable[..., Path]) -> None:
        request(tls)
        put(sign(tls), city, tls)
        current = tls / "current"
        assert sorted(path.name for path in current.iterdir()) == ["ca.pem", "edge.key", "edge.pem"]
        assert (current / "edge.key").stat().st_mode & 0o777 == 0o600
        ours = certificate(files(current))
        key = checks.load_key(current / "edge.key")
        checks.check_key(current / "edge.pem", ours, key, current / "edge.key")
        assert not (tls / "next").exists()

    def test_renewed_the_old_set_stays_until_the_new_one_is_whole(
        self, city: City, tls: Path, sign: Callable[..., Path]
    ) -> None:
        request(tls)
        put(sign(tls), city, tls)
        before = {path.name: path.read_bytes() for path in (tls / "current").iterdir()}
        request(tls)
        signed = sign(tls)
        assert {path.name: path.read_bytes() for path in (tls / "current").iterdir()} == before
        put(signed, city, tls)
        after = {path.name: path.read_bytes() for path in (tls / "current").iterdir()}
        assert (after["edge.key"] != before["edge.key"], after["ca.pem"]) == (True, before["ca.pem"])

    def test_an_installation_that_was_cut_off_is_done_again(
        self, city: City, tls: Path, sign: Callable[..., Path]
    ) -> None:
        request(tls)
        signed = sign(tls)
        half = tls / f"{checks.load(signed).serial_number:x}"
        half.mkdir()
        (half / "edge.key").write_text("half a k")
        (tls / ".current.part").symlink_to("nowhere")
        put(signed, city, tls)
        checks.load_key(tls / "current" / "edge.key")

    def test_another_box_s_certificate(self, city: City, tls: Path, sign: Callable[..., Path]) -> None:
        request(tls, edge_id="edge-2")
        signed = sign(tls, edge_id="edge-2")
        said = refusal(signed, city, tls, edge_id="edge-1")
        assert "the certificate of 'edge-2', not of this box, 'edge-1'" in said

    def test_another_key_s_certificate(
        self, city: City, tls: Path, tmp_path: Path, sign: Callable[..., Path]
    ) -> None:
        request(tmp_path / "other")
        signed = sign(tmp_path / "other")
        request(tls)
        assert "edge-1.pem: made for another key than" in refusal(signed, city, tls)

    def test_another_authority_s_certificate(
        self, city: City, tls: Path, tmp_path: Path, sign: Callable[..., Path]
    ) -> None:
        request(tls)
        signed = sign(tls)
        assert "not signed by the authority of" in refusal(signed, City(tmp_path / "elsewhere"), tls)

    def test_a_certificate_that_is_no_authority_s_in_its_place(
        self, tls: Path, sign: Callable[..., Path]
    ) -> None:
        request(tls)
        signed = sign(tls)
        with pytest.raises(CertificateError, match="not an authority's certificate"):
            install(signed, signed, folder=tls, edge_id=None, clock=now)

    def test_one_that_has_expired(self, city: City, tls: Path, sign: Callable[..., Path]) -> None:
        request(tls)
        signed = sign(tls, days=10)
        assert "expired on" in refusal(signed, city, tls, at=now() + timedelta(days=10, seconds=1))

    def test_a_box_whose_clock_is_behind(self, city: City, tls: Path, sign: Callable[..., Path]) -> None:
        request(tls)
        signed = sign(tls)
        said = refusal(signed, city, tls, at=datetime(1970, 1, 1, tzinfo=UTC))
        assert "this box's clock says 1970-01-01 00:00 UTC: set the clock (timedatectl)" in said
        put(signed, city, tls, at=now() - timedelta(minutes=50))

    def test_what_cannot_be_read(
        self, city: City, tls: Path, sign: Callable[..., Path], tmp_path: Path
    ) -> None:
        request(tls)
        signed = sign(tls)
        (tmp_path / "text.pem").write_text("hello")
        assert "text.pem: not a certificate (PEM)" in refusal(tmp_path / "text.pem", city, tls)
        assert "No such file" in refusal(tmp_path / "none.pem", city, tls)
        (tls / "next" / "edge.key").write_text("hello")
        assert "edge.key: not a private key" in refusal(signed, city, tls)

    def test_without_a_request(
        self, city: City, tls: Path, sign: Callable[..., Path], tmp_path: Path
    ) -> None:
        request(tmp_path / "other")
        assert "begin with `edge enroll request`" in refusal(sign(tmp_path / "other"), city, tls)

    def test_the_configuration_names_it_then(
        self, city: City, tls: Path, sign: Callable[..., Path], tmp_path: Path
    ) -> None:
        config = tmp_path / "edge.yaml"
        config.write_text(BOX + "mqtt:\n  host: broker.example  # far away\n  tls: null   # soon\n")
        request(tls)
        words = (sign(tls), city.ca / "ca.pem", "--dir", tls, "--config", config)
        assert "mqtt.tls names them now" in run(cli, "enroll", "install", *words)
        settings = load(config)
        assert settings.mqtt.tls is not None
        assert settings.mqtt.tls.key_file == tls / "current" / "edge.key"
        assert faults(settings) == []
        said = run(cli, "check-config", config)
        assert "certificate for 365 more days" in said


class TestConfiguration:
    @pytest.mark.parametrize(
        "mqtt",
        [
            "",
            "mqtt: {port: 8883}\n",
            "mqtt: {port: 8883, tls: null}\n",
            "mqtt: {}\n",
            "mqtt:\n  port: 8883  # kept\n  keepalive_s: 20\n",
            "mqtt:\n    tls: null\n    port: 8883\n",
            "mqtt:\n  tls:\n  port: 8883\n",
            "mqtt:\n  # a word\n  port: 8883\nvote:\n  certain: 0.99\n",
        ],
    )
    def test_all_else_stays_as_it_was(self, tmp_path: Path, mqtt: str) -> None:
        config = tmp_path / "edge.yaml"
        config.write_text(BOX + mqtt)
        config.chmod(0o640)
        before = yaml.safe_load(BOX + mqtt)
        assert put_tls(config, tmp_path / "tls" / "current")
        after = yaml.safe_load(config.read_text())
        tls = after["mqtt"].pop("tls")
        assert tls == {
            "ca_file": "tls/current/ca.pem",
            "cert_file": "tls/current/edge.pem",
            "key_file": "tls/current/edge.key",
        }
        had = {key: value for key, value in (before.get("mqtt") or {}).items() if key != "tls"}
        assert after == {**before, "mqtt": had}
        text = config.read_text()
        assert [line for line in (BOX + mqtt).splitlines() if "#" in line and line not in text] == []
        assert config.stat().st_mode & 0o777 == 0o640
        assert not put_tls(config, tmp_path / "tls" / "current"), "named already"

    def test_a_folder_elsewhere_is_named_in_full(self, tmp_path: Path) -> None:
        config = tmp_path / "etc" / "edge.yaml"
        config.parent.mkdir()
        config.write_text(BOX)
        put_tls(config, tmp_path / "state" / "current")
        named = yaml.safe_load(config.read_text())["mqtt"]["tls"]["ca_file"]
        assert named == str(tmp_path / "state" / "current" / "ca.pem")

    def test_a_link_stays_and_what_it_leads_to_is_edited(self, tmp_path: Path) -> None:
        config, real = tmp_path / "edge.yaml", tmp_path / "box-1.yaml"
        real.write_text(BOX)
        real.chmod(0o640)
        config.symlink_to(real.name)
        assert put_tls(config, tmp_path / "tls" / "current")
        assert (config.is_symlink(), real.stat().st_mode & 0o777) == (True, 0o640)
        assert yaml.safe_load(real.read_text())["mqtt"]["tls"]["key_file"] == "tls/current/edge.key"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["box-1.yaml", "edge.yaml"]

    def test_another_user_s_file_is_not_replaced(self, tmp_path: Path) -> None:
        config, tls = tmp_path / "edge.yaml", tmp_path / "tls" / "current"
        config.write_text(BOX)
        owner = pwd.getpwuid(os.geteuid()).pw_name
        with pytest.raises(ConfigError, match=f"belongs to {owner}: run it as {owner}: sudo -u {owner} "):
            check_owner(config, tls, user=os.geteuid() + 1)
        put_tls(config, tls)
        check_owner(config, tls, user=os.geteuid() + 1)  # nothing is left to write

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
    def test_root_puts_nothing_to_use_for_another_user(
        self, city: City, tls: Path, sign: Callable[..., Path], tmp_path: Path
    ) -> None:
        config = tmp_path / "edge.yaml"
        config.write_text(BOX)
        os.chown(config, 54_321, -1)
        request(tls)
        words = (sign(tls), city.ca / "ca.pem", "--dir", tls, "--config", config)
        assert "sudo -u '#54321'" in run(cli, "enroll", "install", *words, fails=True)
        assert (config.read_text(), (tls / "current").exists()) == (BOX, False)

    def test_other_files_are_not_overwritten(self, tmp_path: Path) -> None:
        config = tmp_path / "edge.yaml"
        text = BOX + "mqtt: {tls: {ca_file: other.pem}}\n"
        config.write_text(text)
        with pytest.raises(ConfigError, match="mqtt.tls: names other files; write there {ca_file:"):
            put_tls(config, tmp_path / "tls" / "current")
        assert config.read_text() == text

    @pytest.mark.parametrize("mqtt", ["mqtt: !!map\n  port: 8883\n", "common: &c {port: 8883}\nmqtt: *c\n"])
    def test_what_cannot_be_edited_is_left_and_told_what_to_write(self, tmp_path: Path, mqtt: str) -> None:
        config = tmp_path / "edge.yaml"
        config.write_text(BOX + mqtt)
        with pytest.raises(
            ConfigError, match="cannot be put there without touching the rest; write there {ca_"
        ):
            put_tls(config, tmp_path / "tls" / "current")
        assert config.read_text() == BOX + mqtt

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[1, 2]", "expected a mapping"),
            ("a: [", "line 1, column 5: not YAML"),
            ("edge_id: a\nedge_id: b\n", "line 2, column 1: edge_id stands here twice"),
            ("mqtt: 3", "mqtt: expected a mapping"),
            ("a: 1", "edge_id: needed"),
        ],
    )
    def test_a_file_that_is_none(self, tmp_path: Path, tls: Path, text: str, said: str) -> None:
        config = tmp_path / "edge.yaml"
        config.write_text(text)
        assert said in run(cli, "enroll", "request", "--config", config, "--out", tls, fails=True)


class TestChecks:
    def box(self, tmp_path: Path, tls: dict[str, str], **mqtt: object) -> list[tuple[str, str]]:
        config = tmp_path / "edge.yaml"
        config.write_text(BOX + yaml.safe_dump({"mqtt": {"tls": tls, **mqtt}}))
        return faults(load(config))

    def test_another_s_certificate_keeps_a_box_from_starting(self, city: City, tmp_path: Path) -> None:
        tls = city.enroll("edge-7")
        ((key, said),) = self.box(tmp_path, tls)
        assert key == "mqtt.tls.cert_file"
        assert "the certificate of 'edge-7', not of this box, 'edge-1'" in said

    def test_with_a_user_s_name_the_broker_may_know_it_by_that(self, city: City, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("secret\n")
        tls = city.enroll("edge-7")
        assert self.box(tmp_path, tls, username="edge-1", password_file="secret") == []

    def test_an_expired_one_does_not_for_the_box_must_go_on_reading(self, city: City, tmp_path: Path) -> None:
        assert self.box(tmp_path, city.enroll_past("edge-1")) == []
        said = run(cli, "check-config", tmp_path / "edge.yaml")
        assert "certificate has expired: renew it" in said

    def test_a_key_of_another(self, city: City, tmp_path: Path) -> None:
        tls = {**city.enroll("edge-1"), "key_file": city.enroll("edge-8")["key_file"]}
        ((_, said),) = self.box(tmp_path, tls)
        assert "made for another key than" in said

    def test_a_key_under_a_passphrase_or_of_another_kind(self, city: City, tmp_path: Path) -> None:
        ((_, said),) = self.box(tmp_path, {**city.enroll("edge-1"), "key_file": str(city.ca / "ca.key")})
        assert "ca.key: not a private key (PEM, without a passphrase)" in said


class TestDaysLeft:
    def test_a_renewed_certificate_is_noticed(self, city: City, tmp_path: Path) -> None:
        tls = tmp_path / "box"
        city.enroll("edge-1", tls=tls)
        path = tls / "current" / "edge.pem"
        later = now() + timedelta(days=364)
        ask = checks.days_left(path, clock=lambda: later)
        left = ask()
        assert left is not None
        assert 0.9 < left < 1.01
        assert "expires in 1 day(s)" in checks.fault(left)
        path.write_bytes((city.ca / "ca.pem").read_bytes())  # of another end
        os.utime(path, ns=(1, 1))
        left = ask()
        assert left is not None
        assert left > 3000
        assert checks.fault(left) == ""

    def test_what_cannot_be_read_is_unknown(self, tmp_path: Path) -> None:
        ask = checks.days_left(tmp_path / "none.pem", clock=now)
        assert ask() is None
        (tmp_path / "none.pem").write_text("hello")
        assert ask() is None
        assert checks.fault(None) == ""

    @pytest.mark.parametrize(("days", "word"), [(-1.0, "has expired"), (29.0, "in 29 day(s)"), (30.0, "")])
    def test_a_person_is_told_in_time(self, days: float, word: str) -> None:
        assert word in checks.fault(days)
        assert bool(checks.fault(days)) is bool(word)


def test_a_key_of_another_kind_that_waits_is_kept_and_used(tls: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    (tls / "next").mkdir(parents=True)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tls / "next" / "edge.key").write_bytes(pem)
    request(tls)
    assert (tls / "next" / "edge.key").read_bytes() == pem
