"""Commands of the centre that are killed with -9, for tests of what they leave behind."""

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

_HERE = Path(__file__).parent / "integration"


class Keepers:
    """Processes that run commands, one after the other."""

    def __init__(self, config: Path, log: Path) -> None:
        self.log = log
        self._process = subprocess.Popen(
            [sys.executable, _HERE / "killed_keeper.py", config, log],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._took_ms: dict[str, int] = {}
        self.kills: Counter[str] = Counter()

    def whole(self, command: str) -> int:
        """Run one to its end; its exit code."""
        return self._attempt("whole", 0, command)

    def killed(self, command: str, chance: random.Random) -> None:
        """Run one, and kill it somewhere between its begin and its end, by the longest that we have seen."""
        if chance.random() < 0.4:
            code = self._attempt("statement", chance.randrange(5, 60), command)
        else:
            code = self._attempt("after", chance.randrange(1, self._took_ms.get(command, 1000)), command)
        assert code in (-9, 0, 1, 2), self.log.read_text()
        self.kills[command] += code == -9

    def _attempt(self, how: str, number: int, command: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{how} {number} {command}\n")
        self._process.stdin.flush()
        code, took_ms = map(int, self._process.stdout.readline().split())
        if how == "whole":
            self._took_ms[command] = max(took_ms, self._took_ms.get(command, 0))
        return code

    def end(self) -> None:
        self._process.communicate(timeout=60)
