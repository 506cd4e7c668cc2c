"""What is said of a look, in Spanish and English."""

from types import ModuleType
from typing import Final, Literal

from edge.probe import english, spanish
from edge.probe.facts import Advice, Verdict

Lang = Literal["es", "en"]

_WORDS: Final[dict[Lang, ModuleType]] = {"en": english, "es": spanish}


class Words:
    """One language."""

    def __init__(self, lang: Lang) -> None:
        self.lang: Final = lang
        words = _WORDS[lang]
        self._advice: dict[str, str] = words.ADVICE
        self._ways: dict[str, str] = words.WAYS
        self._verdict: dict[Verdict, str] = words.VERDICT
        self._dozes_not: dict[str, str] = words.DOZES_NOT
        self._labels: dict[str, str] = words.LABELS

    def __getitem__(self, name: str) -> str:
        """What something is called."""
        return self._labels[name]

    def verdict(self, verdict: Verdict) -> str:
        """What it comes to."""
        return self._verdict[verdict]

    def dozes(self, why_not: str | None) -> str:
        """Whether a box decodes on demand only."""
        return self["yes"] if why_not is None else self._dozes_not[why_not]

    def advice(self, advice: Advice) -> Advice:
        """The same advice, with its text."""
        numbers = {
            name: self._ways.get(n, n) if isinstance(n, str) else n for name, n in advice.numbers.items()
        }
        return advice.model_copy(update={"text": self._advice[advice.code].format(**numbers)})
