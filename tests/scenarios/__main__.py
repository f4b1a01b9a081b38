"""`python -m tests.scenarios` plays every scenario and writes which commands they used to templates/scenarios.json."""

import os
import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    os.environ["WARROOM_WRITE_LEDGER"] = "1"
    sys.exit(pytest.main([str(Path(__file__).parent), "-q", "--deselect", "tests/scenarios/test_ledger.py", *sys.argv[1:]]))
