"""What time is: wall time for records, monotonic time for deadlines. Reading one is somebody else's work."""

from typing import Protocol


class Clock(Protocol):
    """Two hands. Wall time is never used to order or to wait (it jumps); monotonic time is never shown."""

    def wall(self) -> float:
        """Seconds since the epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some start; never goes back."""
        ...
