"""The XML that ONVIF speaks: its names, how a message is built, and how one from the network is read safely."""

import re
import xml.etree.ElementTree as ET
from typing import Final

NAMESPACES: Final = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "d": "http://schemas.xmlsoap.org/ws/2005/04/discovery",
    "dn": "http://www.onvif.org/ver10/network/wsdl",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tptz": "http://www.onvif.org/ver20/ptz/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tns1": "http://www.onvif.org/ver10/topics",
    "tt": "http://www.onvif.org/ver10/schema",
    "ter": "http://www.onvif.org/ver10/error",
    "wsse": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
    "wsu": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
}
"""Prefix -> namespace, as the ONVIF specifications abbreviate them."""

_MOST_BYTES: Final = 1_000_000
_DECLARATION: Final = re.compile(r"<!(?!--|\[CDATA\[)")

for _prefix, _namespace in NAMESPACES.items():
    ET.register_namespace(_prefix, _namespace)


class UnreadableError(ValueError):
    """What came is no XML, or XML that nobody here needs to understand."""


def qname(short: str) -> str:
    """`tt:Position` -> `{http://www.onvif.org/ver10/schema}Position`."""
    prefix, _, local = short.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def node(name: str, *inside: "ET.Element | str", **attributes: str) -> ET.Element:
    """An element of such a short name, with text or further elements inside."""
    made = ET.Element(qname(name), attributes)
    for part in inside:
        if isinstance(part, str):
            made.text = part
        else:
            made.append(part)
    return made


def envelope(*body: ET.Element, header: tuple[ET.Element, ...] = ()) -> bytes:
    """A SOAP 1.2 message, UTF-8."""
    head = (node("s:Header", *header),) if header else ()
    whole = node("s:Envelope", *head, node("s:Body", *body))
    return bytes(ET.tostring(whole, encoding="utf-8", xml_declaration=True))


def parse(raw: bytes) -> ET.Element:
    """The root of a message.

    A document that declares anything (a DTD, an entity) is refused before a parser sees it: no external entity is
    fetched and none expands to gigabytes. It must be UTF-8, so that no other encoding hides a declaration.

    Raises:
        UnreadableError: longer than 1 MB, not UTF-8, not XML, or with a declaration.
    """
    if len(raw) > _MOST_BYTES:
        raise UnreadableError(f"{len(raw)} bytes, {_MOST_BYTES} at most")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"not UTF-8: byte {error.start}") from error
    # Legal in no XML, but there in UTF-16 that passes for UTF-8, which the parser would read all the same.
    if "\0" in text:
        raise UnreadableError("not UTF-8: it holds a zero byte")
    if found := _DECLARATION.search(text):
        raise UnreadableError(f"it declares something: {text[found.start() : found.start() + 20]!r}")
    try:
        return ET.fromstring(text)  # noqa: S314  # without declarations there is nothing to expand
    except ET.ParseError as error:
        raise UnreadableError(f"not XML: {error}") from error


def text_at(root: ET.Element, path: str) -> str:
    """The text of the first element at a path of short names (`s:Header/a:MessageID`); empty where there is none."""
    found = root.find("/".join(_step(part) for part in path.split("/")))
    return (found.text or "").strip() if found is not None else ""


def _step(part: str) -> str:
    return part if part.startswith(".") or not part else qname(part)
