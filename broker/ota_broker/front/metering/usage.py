"""One quota at work: how it is kept, how often it was too much, and the line that says so."""

from collections.abc import Callable
from typing import Any, Final

from ota_broker.front.codec.packets import Cause, Violation
from ota_broker.front.metering.quotas import Mode, Quota, Setting

SAY_AGAIN: Final = 10.0  # seconds between two lines about one quota
NEVER: Final = 1 << 62  # a limit nobody reaches


class Usage:
    """`excess` is how much was too much since the start; `used` what an account has used in this second."""

    __slots__ = ("_left_out", "_say", "_say_at", "excess", "limit", "mode", "quota", "used")

    def __init__(self, quota: Quota, setting: Setting, say: Callable[[str, str], None]) -> None:
        self.quota = quota
        self.mode = setting.mode
        self.limit = quota.limit if setting.limit is None else setting.limit
        self.excess = 0
        self.used = 0
        self._say = say
        self._say_at = 0.0
        self._left_out = 0

    def limit_if(self, mode: Mode) -> int:
        """Return the limit, if it is kept in this mode."""
        return self.limit if self.mode is mode else NEVER

    def allows(self, before: int, amount: int, who: str, now: float) -> bool:
        """Tell whether there is room for so much after what was before; what is too much is counted and said."""
        too_many = before + amount - self.limit
        if too_many <= 0 or self.mode is Mode.OFF:
            return True
        self.over(min(too_many, amount), who, now)
        return self.mode is not Mode.ENFORCE

    def spend(self, amount: int, who: str, now: float) -> bool:
        """Use some of an account's second, if it allows."""
        allowed = self.allows(self.used, amount, who, now)
        if allowed:
            self.used += amount
        return allowed

    def over(self, amount: int, who: str, now: float) -> None:
        """Count what is too much, and say so now and then."""
        self.excess += amount
        if now < self._say_at:
            self._left_out += amount
            return
        quota = self.quota
        fate = quota.excess if self.mode is Mode.ENFORCE else f"AWS would have {quota.excess} them"
        more = f", and {self._left_out} since the last line" if self._left_out else ""
        text = f"{who}: more than {self.limit} {quota.unit}: {amount} too many{more}; {fate}"
        self._say(f"quota {quota.rule}", text)
        self._say_at, self._left_out = now + SAY_AGAIN, 0

    def violation(self) -> Violation:
        """Return what ends a connection that used too much."""
        return Violation(f"more than {self.limit} {self.quota.unit} ({self.quota.rule})", Cause.THROTTLED)

    def shown(self) -> dict[str, Any]:
        """Return it for people."""
        quota = self.quota
        return {
            "name": quota.name,
            "rule": quota.rule,
            "limit": self.limit,
            "unit": quota.unit,
            "scope": quota.scope,
            "mode": self.mode,
            "excess": self.excess,
        }
