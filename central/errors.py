"""Everything the centre raises on purpose.

CentralError
├── ConfigError       a setting is wrong: names the file, the key and what was expected
├── StoreError        the database or the archive cannot be opened or written
│   ├── MissingError      a file is not there
│   ├── DamagedError      a file is not what was written
│   └── BusyError         another one does it already, and there can be one
├── HotlistError      an import cannot be read at all (single bad rows are reported, not raised)
├── AlertError        this cannot be done with an alert: says who did what before, or what is missing
├── HoldError         a legal hold cannot be entered or lifted so: says why
├── QueryError        a question that cannot be asked: names what was wrong with it
│   ├── UnreadableError   the archive cannot answer it: a file may be damaged
│   ├── TimedOutError     the answer took longer than its limit
│   └── CancelledError    somebody gave the question up
├── ErasureError      a plate cannot be erased, or not yet: says why
├── BackupError       a backup or a restore cannot be made: says why
├── RefusedError      the broker does not take what we publish: names what its administrator should look at
├── AccessError       who, purpose or case is missing or not allowed
└── AuthorityError    the certificate authority cannot, or will not, do this: says why
"""


class CentralError(Exception):
    """The root: a message that an administrator or an investigator can act on."""


class ConfigError(CentralError):
    """A setting is wrong; the message names the file, the key and what was expected."""


class StoreError(CentralError):
    """The database or the archive cannot be opened or written."""


class MissingError(StoreError):
    """A file is not there."""


class DamagedError(StoreError):
    """A file is not what was written."""


class BusyError(StoreError):
    """Another one does it already, and there can be one."""


class HotlistError(CentralError):
    """A hotlist import cannot be read at all."""


class AlertError(CentralError):
    """Something cannot be done with an alert, or not so."""


class HoldError(CentralError):
    """A legal hold cannot be entered or lifted as asked."""


class QueryError(CentralError):
    """A question that cannot be asked."""


class UnreadableError(QueryError):
    """The archive cannot answer a question: a file may be damaged."""


class TimedOutError(QueryError):
    """The answer took longer than its limit."""


class CancelledError(QueryError):
    """Somebody gave the question up."""


class ErasureError(CentralError):
    """A plate cannot be erased, or not yet."""


class BackupError(CentralError):
    """A backup cannot be made, or not be restored."""


class RefusedError(CentralError):
    """The broker does not take what we publish, and says so."""


class AccessError(CentralError):
    """Who asks, the purpose or the case is missing or not allowed."""


class AuthorityError(CentralError):
    """The certificate authority cannot be used, or will not sign this."""
