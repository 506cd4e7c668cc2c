import pytest

from edge.soap import NAMESPACES, UnreadableError, envelope, node, parse, qname, text_at


def test_what_is_built_can_be_read() -> None:
    raw = envelope(
        node("tds:GetServices", node("tds:IncludeCapability", "a <&> b")), header=(node("a:To", "x"),)
    )
    root = parse(raw)
    assert root.tag == qname("s:Envelope")
    assert text_at(root, "s:Header/a:To") == "x"
    assert text_at(root, "s:Body/tds:GetServices/tds:IncludeCapability") == "a <&> b"
    assert text_at(root, "s:Body/tds:Nothing") == ""


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        '<?xml version="1.0"?>\n<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd"><a/>',
        '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>',
        '<a><!ENTITY b "c"></a>',
    ],
)
def test_declarations_are_refused_before_they_are_parsed(text: str) -> None:
    with pytest.raises(UnreadableError, match="it declares something"):
        parse(text.encode())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-7"])
def test_no_encoding_hides_a_declaration(encoding: str) -> None:
    text = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    with pytest.raises(UnreadableError):
        parse(text.encode(encoding))


def test_comments_and_quoted_parts_are_none() -> None:
    assert parse(b"<a><!-- <x> --><![CDATA[<b>]]></a>").text == "<b>"


@pytest.mark.parametrize(
    "raw", [b"", b"hello", b"<a>", b"<a>\xff</a>", b"<a>&nope;</a>", b"<a/>" + b" " * 1_000_001]
)
def test_rubbish_is_unreadable(raw: bytes) -> None:
    with pytest.raises(UnreadableError):
        parse(raw)


def test_names() -> None:
    assert qname("tt:Position") == "{http://www.onvif.org/ver10/schema}Position"
    assert all(namespace.startswith("http://") for namespace in NAMESPACES.values())
