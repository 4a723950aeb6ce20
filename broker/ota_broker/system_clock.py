"""The machine's time (satisfies `ota_stream.clock.Clock`)."""

import time


class SystemClock:
    """Epoch seconds, and seconds that never go back."""

    wall = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
