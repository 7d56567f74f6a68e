"""The guide on networks of one's own runs as it stands."""

import re
import warnings
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[1] / "docs" / "guide" / "own_network.md"


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_code_of_the_guide_runs_and_warns_of_nothing():
    code = "\n".join(re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        exec(compile(code, str(GUIDE), "exec"), {"__name__": "guide"})
