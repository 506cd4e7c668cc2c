"""The plates that the city's cameras know: those that pass day after day, a rival of every listed plate alike."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable


class Known:
    """A set of plates in eight bytes each; read by one thread while another replaces it."""

    def __init__(self, plates: Iterable[str] = ()) -> None:
        self._forgotten = 0
        self._codes = array("Q")
        self.replace(plates)

    def replace(self, plates: Iterable[str]) -> None:
        """Know these from now on, and no others; unless all are to be forgotten while they are gathered."""
        before = self._forgotten
        codes = array("Q", sorted({_code(plate) for plate in plates}))
        if before == self._forgotten:
            self._codes = codes

    def forget(self) -> None:
        """Know none, until they are learnt again."""
        self._forgotten += 1
        self._codes = array("Q")

    def __contains__(self, plate: object) -> bool:
        """Whether it is one of them; what is no plate is not."""
        if not isinstance(plate, str):
            return False
        codes, code = self._codes, _code(plate)
        place = bisect_left(codes, code)
        return place < len(codes) and codes[place] == code

    def __len__(self) -> int:
        """How many there are."""
        return len(self._codes)


def _code(plate: str) -> int:
    """A number for each string of up to twelve letters and digits; the leading one keeps `0A` and `A` apart."""
    return int(f"1{plate}", 36)
