"""What a process had written is there when the process is gone, however it went."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from store.journal import read_chunk

ROOT = Path(__file__).parents[1]

CHILD = """
import sys
from pathlib import Path
from store.journal_writer import JournalWriter
writer = JournalWriter(Path(sys.argv[1]))
for step in range(1_000_000):
    for sample in range(4):
        writer.put("group", {"step": step, "sample": sample, "text": "x" * 3000})
    assert writer.flush(60)
    print(step, flush=True)
"""


@pytest.mark.parametrize("steps", [1, 7, 40])
def test_kill_nine_loses_nothing_that_was_flushed(tmp_path: Path, steps: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path / "j")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    for _ in range(steps):
        child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    # what it had said before the signal reached it is still in the pipe
    said = [steps - 1, *(int(line) for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n"))]
    child.wait()

    chunk = read_chunk(tmp_path / "j", 0, 1 << 30)
    flushed = {(step, sample) for step in range(said[-1] + 1) for sample in range(4)}
    assert flushed <= {(record["step"], record["sample"]) for record in chunk.records}
    assert chunk.foreign == []


def test_what_is_written_at_exit_without_closing_is_there(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from store.journal_writer import JournalWriter\n"
        "writer = JournalWriter(Path(sys.argv[1])); writer.put('note', {'text': 'last words'})"
    )

    subprocess.run([sys.executable, "-c", code, str(tmp_path / "j")], cwd=ROOT, check=True)

    assert json.loads((tmp_path / "j").read_text())["text"] == "last words"
