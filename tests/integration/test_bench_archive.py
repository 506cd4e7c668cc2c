"""The archive's bench as a command, small: what it says is what it made."""

import json
import subprocess
import sys
from pathlib import Path


def test_it_builds_links_asks_and_goes_on_where_it_was(tmp_path: Path) -> None:
    def bench(days: int) -> dict:
        asked = [f"--days={days}", "--per-day=3000", "--link-years=1", f"--work={tmp_path}", "--json"]
        command = [sys.executable, "-m", "central", "bench", "archive", *asked]
        done = subprocess.run(command, capture_output=True, text=True, timeout=290, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    first = bench(1)
    assert first["rows"] == 3000
    assert first["linked_rows"] == 13 * 3000
    assert 10 < first["bytes_per_row"] < 200
    assert first["bytes_per_row"] < first["bytes_per_read_total"]
    kinds = {"history", "history_all", "seen", "prefix", "alike", "leading", "camera", "heatmap", "volumes"}
    assert set(first["queries"]) == kinds
    assert all(took["cold_ms"] > 0 and took["warm_ms"] > 0 for took in first["queries"].values())
    assert first["queries"]["history_all"]["rows"] % 13 == 0, "in each month that it is linked under"
    assert first["queries"]["history_all"]["rows"] >= 13
    again = bench(1)
    assert (again["rows"], again["linked_rows"]) == (3000, 13 * 3000)
    assert again["queries"]["history_all"]["rows"] == first["queries"]["history_all"]["rows"]
