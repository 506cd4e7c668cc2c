"""Digest authentication of the simulated camera."""

import pytest

from edge.simulate.digest import DigestGuard, digest_response

GUARD = DigestGuard("ana", "p:w @ü", realm="cams")
ASKED = {"method": "DESCRIBE", "uri": "rtsp://h/a", "nonce": "n1"}


def header(*, password: str = GUARD.password, quoted: str = '"', **other: str) -> str:
    fields = {"username": "ana", "realm": "cams", "nonce": "n1", "uri": "rtsp://h/a", **other}
    fields["response"] = digest_response(
        secret=f"{fields['username']}:{fields['realm']}:{password}",
        challenge=":".join(fields[k] for k in ("nonce", "nc", "cnonce", "qop") if k in fields),
        request=f"DESCRIBE:{fields['uri']}",
    )
    return "Digest " + ", ".join(f"{k}={quoted}{v}{quoted}" for k, v in fields.items())


def test_the_example_of_rfc_2617() -> None:
    assert (
        digest_response(
            secret="Mufasa:testrealm@host.com:Circle Of Life",
            challenge="dcd98b7102dd2f0e8b11d0f600bfb0c093:00000001:0a4f113b:auth",
            request="GET:/dir/index.html",
        )
        == "6629fae49393a05397450978507c4ef1"
    )


def test_the_right_answer_is_let_in_with_and_without_qop() -> None:
    assert GUARD.admits(header(), **ASKED)
    assert GUARD.admits(header(nc="00000001", cnonce="abc", qop="auth"), **ASKED)
    assert DigestGuard("ana", "x", realm="cams").admits(header(password="x", quoted=""), **ASKED)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "Digest",
        "Basic YW5hOnB3",
        header(password="other"),
        header(username="eva"),
        header(realm="elsewhere"),
        header(nonce="n2"),
        header(uri="rtsp://h/b"),
        header().replace("response=", "reply="),
    ],
)
def test_anything_else_is_not(wrong: str) -> None:
    assert not GUARD.admits(wrong, **ASKED)


def test_an_answer_serves_for_no_other_request() -> None:
    assert not GUARD.admits(header(), method="PLAY", uri="rtsp://h/a", nonce="n1")
    assert not GUARD.admits(header(), method="DESCRIBE", uri="rtsp://h/b", nonce="n1")
    assert not GUARD.admits(header(), method="DESCRIBE", uri="rtsp://h/a", nonce="n2")


def test_the_challenge_names_realm_and_nonce_and_the_guard_hides_its_password() -> None:
    assert GUARD.challenge("abc") == 'Digest realm="cams", nonce="abc", algorithm="MD5"'
    assert "p:w" not in repr(GUARD)
