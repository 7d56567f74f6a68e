"""The guide on networks of one's own runs as it stands."""

import re
import warnings
from pathlib import Path

GUIDE = Path(__file__).parents[1] / "docs" / "guide" / "own_network.md"


def test_code_of_the_guide_runs_and_warns_of_nothing():
    code = "\n".join(re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        exec(compile(code, str(GUIDE), "exec"), {"__name__": "guide"})
    assert not [warning.message for warning in caught if warning.filename == str(GUIDE)]
