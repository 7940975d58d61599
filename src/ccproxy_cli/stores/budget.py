"""The arithmetic of a bucket, for the stores that do it in this process."""

import math

from ccproxy_cli.stores.base import Bucket, Spent


def spend(bucket: Bucket, held: float, elapsed: float, units: float, *, in_debt: bool) -> tuple[float, Spent]:
    """What a bucket holds after a spending, and what became of that.

    Args:
        held: what it held at its last spending; its size if there was none.
        elapsed: seconds since then. A clock that was set back refills nothing.
    """
    held = min(bucket.size, held + max(0.0, elapsed) * bucket.rate)
    if units <= held or in_debt:
        held = min(bucket.size, held - units)
        return held, Spent(True, 0.0, held)
    wait = math.inf if units > bucket.size else (units - held) / bucket.rate
    return held, Spent(False, wait, held)


def seconds_to_fill(bucket: Bucket, held: float) -> float:
    """For how long a bucket must be remembered: once it is full it is like a new one."""
    return (bucket.size - held) / bucket.rate
