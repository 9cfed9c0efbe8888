"""`tools/mitos bench` measures every operation, and on none of them mitos is slower than Linux."""

import json

import support
from support import BUILD, TOOL


def test_every_operation_costs_less_than_on_linux():
    printed = support.checked(*TOOL, "bench", "--on", "mitos", "--build", BUILD,
                               timeout=2 * support.PATIENCE)
    result = json.loads((BUILD / "bench.json").read_text())
    known = json.loads((support.ROOT / "tests/bench/linux-6.1.json").read_text())["instructions"]
    operations = result["operations"]
    assert operations.keys() == known.keys()
    for key, figures in operations.items():
        assert 0 < figures["mitos"] < known[key], f"{key}: {figures}"
        assert figures["text"] in printed
    assert result["linux_source"] in " ".join(printed.split())
