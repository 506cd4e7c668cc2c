"""Who may look: every look at reads says who, why and for which case, or there is none (pure)."""

from typing import Final

from central.errors import AccessError
from central.types import Look

_LIMITS: Final = {"who asks (--as)": 63, "the purpose (--purpose)": 500, "the case number (--case)": 63}


def declare(actor: str | None, purpose: str | None, case_number: str | None) -> Look:
    """The look that somebody declares.

    Raises:
        AccessError: names what is missing or cannot be kept in the log.
    """
    given = [(text or "").strip() for text in (actor, purpose, case_number)]
    missing = [name for name, text in zip(_LIMITS, given, strict=True) if not text]
    if missing:
        raise AccessError(f"no read is shown without {_listed(missing)}")
    for (name, limit), text in zip(_LIMITS.items(), given, strict=True):
        if len(text) > limit:
            raise AccessError(f"{name}: {len(text)} characters, expected at most {limit}")
        if not text.isprintable():
            raise AccessError(f"{name}: holds characters that cannot be printed: {text[:40]!r}")
    return Look(*given)


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
