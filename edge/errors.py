"""Everything the edge raises on purpose.

EdgeError
├── ConfigError      a setting is wrong: names the file, the key and what was expected
├── AssetError       a weight or grammar file is missing or damaged
├── SourceError      a camera or clip gives no frames
│   ├── RefusedError     wrong user or password; retrying soon is no use
│   └── LostError        unreachable, ended, stalled or broken; retried with backoff
├── PixelsError      a frame was decoded, but its picture cannot be made
├── SpoolError       the spool cannot be opened or written
│   └── SpoolFullError   the disk, or what this user may have of it, is full
├── PublishError     the broker refuses us
│   └── LinkLostError    unreachable, broken off or silent; retried with backoff
├── HotlistError     the copy of the hotlists cannot be kept, or is not the centre's
├── CertificateError the box's certificate or its key is wrong: says which file, and why
└── WorkerError      a thread of the worker died
"""


class EdgeError(Exception):
    """The root: a message that a deployer can act on."""


class ConfigError(EdgeError):
    """A setting or an option is wrong; the message names the file, the key and what was expected."""


class AssetError(EdgeError):
    """A weight or grammar file is missing or damaged."""


class SourceError(EdgeError):
    """A camera or clip gives no frames."""


class RefusedError(SourceError):
    """The camera refused the user or the password."""


class LostError(SourceError):
    """The source is unreachable, has ended, stalled or broke; connect again."""


class PixelsError(EdgeError):
    """A frame was decoded, but its picture cannot be made; the next one may do."""


class SpoolError(EdgeError):
    """The spool cannot be opened or written."""


class SpoolFullError(SpoolError):
    """The disk is full, or what this user may have of it."""


class PublishError(EdgeError):
    """The broker refused the connection or a publication."""


class LinkLostError(PublishError):
    """The broker is unreachable, broke off or fell silent; connect again."""


class HotlistError(EdgeError):
    """The copy of the hotlists cannot be kept, or what came is not the centre's own."""


class CertificateError(EdgeError):
    """The box's certificate, its key or its authority's certificate cannot be used."""


class WorkerError(EdgeError):
    """A thread of the worker died; the message names it and its fault."""
