"""`bench match` as one runs it, small: the shipped bank and curve, in processes of its own."""

import json
import subprocess
import sys


def test_days_of_a_city_are_counted_with_the_confusion_as_it_is_and_doubled() -> None:
    command = [
        sys.executable,
        "-m",
        "central",
        "bench",
        "match",
        "--entries",
        "2000",
        "--reads",
        "20000",
        "--vehicles",
        "9000",
    ]
    ran = subprocess.run([*command, "--seeds", "1", "--json"], capture_output=True, text=True, check=True)
    found = json.loads(ran.stdout)
    assert found.keys() >= {
        "false_alerts",
        "misses",
        "listed_passages",
        "exact",
        "edit1",
        "reads_s",
        "index_mib",
    }
    assert found["edit1"]["false_alerts"] > 0, "the reason not to count edits"
    assert 0 <= found["misses"] <= found["listed_passages"]
    assert found["least"] >= 0.1
    assert found["doubled_confusion"]["listed_passages"] > 0
    assert found["reads_s"] > 0
    assert found["index_mib"] > 10
