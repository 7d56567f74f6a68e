"""Axes that end where a metric does."""

from skdr.metrics._ranges import Range

# How far an axis goes beyond the limits of a metric: enough to show all of a dot on a limit.
_MARGIN = 0.03


def limits_within(limits: tuple[float, float], scores: Range) -> tuple[float, float]:
    """Return the limits of an axis, cut just beyond the lowest and the highest possible score."""
    margin = _MARGIN * (limits[1] - limits[0])
    return max(limits[0], scores[0] - margin), min(limits[1], scores[1] + margin)
