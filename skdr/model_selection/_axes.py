"""Axes that end where a metric does."""

from skdr.metrics._ranges import Range

# What an axis shows beyond the limits of a metric: half of a dot that lies on one.
_MARGIN = 0.03


def limits_within(limits: tuple[float, float], scores: Range) -> tuple[float, float]:
    """Return the limits of an axis, hardly beyond the lowest and the highest possible score."""
    margin = _MARGIN * (limits[1] - limits[0])
    return max(limits[0], scores[0] - margin), min(limits[1], scores[1] + margin)
