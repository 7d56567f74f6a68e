"""What a comparison and an advice share: the same names for the same things."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from skdr._html import html
from skdr._text_table import TextTable, html_list


class StrategyFindings(ABC):
    """Which strategy is best, how sure that is, and what it rests on.

    A subclass has `strategies`, a mapping of names to unfitted estimators.
    """

    strategies: Mapping[str, Any]

    @property
    @abstractmethod
    def best(self) -> str:
        """Name of the best strategy."""

    @property
    def estimator(self) -> Any:
        """The best strategy, unfitted: ready for ``fit(X, y)``."""
        return self.strategies[self.best]

    @property
    @abstractmethod
    def conclusion(self) -> str:
        """What was found, in a sentence."""

    @property
    @abstractmethod
    def reasons(self) -> list[str]:
        """What it rests on, and what cannot be told, in plain sentences."""

    @abstractmethod
    def to_frame(self) -> Any:
        """Return one row per strategy."""

    @abstractmethod
    def _table(self) -> TextTable:
        """Return the table that is printed, one row per strategy."""

    def __str__(self) -> str:
        return "\n".join([self.conclusion, "", str(self._table()), "", *self.reasons])

    def _repr_html_(self) -> str:
        return html(
            "<p><b>{{ conclusion }}</b></p>{{ table }}{{ reasons }}",
            conclusion=self.conclusion,
            table=self._table().to_html(),
            reasons=html_list(self.reasons),
        )
