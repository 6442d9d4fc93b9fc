"""Time between two stamps."""


def interval_s(earlier_s: float, later_s: float) -> float:
    """Seconds, in whole nanoseconds: intervals that are equal stay equal at any time of day."""
    return round(later_s - earlier_s, 9)
