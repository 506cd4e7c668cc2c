"""One request to the simulated device, and how it is refused."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass

from edge.simulate.onvif.device import Device
from edge.soap import node, qname, text_at


class FaultError(Exception):
    """The request cannot be met; `code` is ONVIF's word for why."""

    def __init__(self, code: str, reason: str, *, sender: bool = True) -> None:
        super().__init__(reason)
        self.code = code
        self.sender = sender


@dataclass(frozen=True, slots=True)
class Call:
    """One request: its element, the device, and the address it was asked at (http://host:port and the path)."""

    device: Device
    request: ET.Element
    base: str
    path: str = ""

    def text(self, path: str) -> str:
        """What stands at a path of short names."""
        return text_at(self.request, path)


def fault(error: FaultError) -> ET.Element:
    """A SOAP 1.2 fault, with ONVIF's subcode."""
    subcode = node("s:Subcode", node("s:Value", error.code))
    code = node("s:Code", node("s:Value", "s:Sender" if error.sender else "s:Receiver"), subcode)
    reason = ET.Element(qname("s:Text"), {"{http://www.w3.org/XML/1998/namespace}lang": "en"})
    reason.text = str(error)
    # The subcode's prefix stands in a text, where ElementTree does not see that it needs a declaration.
    return node(
        "s:Fault", code, node("s:Reason", reason), **{"xmlns:ter": "http://www.onvif.org/ver10/error"}
    )
