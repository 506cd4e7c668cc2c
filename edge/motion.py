"""How a plate moves in a picture: where it will be, how sure that is, and what a detection there is worth.

Constant velocity, a Kalman filter an axis, all noise in plate widths. Pure; the state is that of the last sighting.
"""

import math
from dataclasses import dataclass
from typing import Final

from edge.types import Box

NEVER: Final = 1e6
"""The cost of what cannot be."""
# All in plate widths (w), seconds and natural logarithms of size.
_NOISE_W: Final = 0.08  # how far a detected centre lies from the true one
_NOISE_SIZE: Final = 0.08
_START_SPEED_W_S: Final = 15.0  # a newcomer may move this fast: 50 km/h is 10 w/s head on, 42 w/s abeam
_START_GROWTH_S: Final = 1.0
_MOST_GROWTH: Final = 0.6  # that one prediction believes
_JOLT_W_S2: Final = 6.0  # braking and steering, as a random acceleration
_JOLT_S: Final = 1.0  # the same as a share of the speed: what the growth rate does not explain
_JOLT_GROWTH_S2: Final = 2.0
_GATE: Final = 25.0  # squared distance in deviations, of three numbers: wide, for motion is not quite steady


@dataclass(frozen=True, slots=True)
class _Axis:
    """A number that changes steadily: its value, its rate and their covariance."""

    value: float
    rate: float
    var: float
    cov: float
    var_rate: float

    def after(self, dt_s: float, *, jump: float, zoom: float, jolt: float) -> "_Axis":
        """The prediction `dt_s` later.

        Args:
            dt_s: seconds.
            jump: change of the value.
            zoom: factor on the rate.
            jolt: standard deviation of the acceleration.
        """
        j2 = jolt * jolt
        return _Axis(
            value=self.value + jump,
            rate=self.rate * zoom,
            var=self.var + 2 * dt_s * self.cov + dt_s**2 * self.var_rate + j2 * dt_s**4 / 4,
            cov=self.cov + dt_s * self.var_rate + j2 * dt_s**3 / 2,
            var_rate=self.var_rate + j2 * dt_s**2,
        )

    def seen(self, measured: float, *, noise: float) -> "_Axis":
        """The estimate once it has been measured with standard deviation `noise`."""
        total = self.var + noise * noise
        gain, gain_rate = self.var / total, self.cov / total
        error = measured - self.value
        return _Axis(
            value=self.value + gain * error,
            rate=self.rate + gain_rate * error,
            var=(1 - gain) * self.var,
            cov=(1 - gain) * self.cov,
            var_rate=self.var_rate - gain_rate * self.cov,
        )


@dataclass(frozen=True, slots=True)
class Motion:
    """Where a plate's centre is (px) and how large it is (log of the root of its area)."""

    x: _Axis
    y: _Axis
    size: _Axis

    @staticmethod
    def of_newcomer(box: Box) -> "Motion":
        """Of a plate seen once."""
        x, y = box.centre
        near, fast = (_NOISE_W * box.width) ** 2, (_START_SPEED_W_S * box.width) ** 2
        return Motion(
            x=_Axis(x, 0.0, near, 0.0, fast),
            y=_Axis(y, 0.0, near, 0.0, fast),
            size=_Axis(log_size(box), 0.0, _NOISE_SIZE**2, 0.0, _START_GROWTH_S**2),
        )

    def after(self, dt_s: float, *, width_px: float) -> "Motion":
        """The prediction `dt_s` later, for a plate that was `width_px` wide.

        A vehicle that drives steadily does not move steadily in the picture: at distance Z and speed v its
        plate grows at the rate g = v / Z, so after t seconds it is 1 / (1 - g t) as large, has moved by
        rate * t / (1 - g t) and moves at rate / (1 - g t)**2.
        """
        zoom = 1 / (1 - max(-_MOST_GROWTH, min(_MOST_GROWTH, self.size.rate * dt_s)))
        speed_px_s = math.hypot(self.x.rate, self.y.rate)
        jolt = _JOLT_W_S2 * width_px + _JOLT_S * speed_px_s
        return Motion(
            x=self.x.after(dt_s, jump=self.x.rate * dt_s * zoom, zoom=zoom**2, jolt=jolt),
            y=self.y.after(dt_s, jump=self.y.rate * dt_s * zoom, zoom=zoom**2, jolt=jolt),
            size=self.size.after(dt_s, jump=math.log(zoom), zoom=zoom, jolt=_JOLT_GROWTH_S2),
        )

    def seen(self, box: Box) -> "Motion":
        """The estimate once it was seen there."""
        x, y = box.centre
        noise = _NOISE_W * box.width
        return Motion(
            x=self.x.seen(x, noise=noise),
            y=self.y.seen(y, noise=noise),
            size=self.size.seen(log_size(box), noise=_NOISE_SIZE),
        )

    def cost(self, box: Box) -> float:
        """-log likelihood of a detection, in squared widths, up to a constant; NEVER outside the gate."""
        x, y = box.centre
        w2 = box.width**2
        parts = (
            ((x - self.x.value) ** 2 / w2, self.x.var / w2 + _NOISE_W**2),
            ((y - self.y.value) ** 2 / w2, self.y.var / w2 + _NOISE_W**2),
            ((log_size(box) - self.size.value) ** 2, self.size.var + _NOISE_SIZE**2),
        )
        distance = sum(error / var for error, var in parts)
        if distance > _GATE:
            return NEVER
        return (distance + sum(math.log(var) for _, var in parts)) / 2


def log_size(box: Box) -> float:
    """Logarithm of the root of its area."""
    return math.log(box.area) / 2
