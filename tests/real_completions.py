"""What real completions look like to the parser, counted: the tables of docs/parsing.md.

`python -m tests.real_completions` prints them; a test holds the page to them.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from evals.grading import matches_gold
from evals.parsing import parse
from evals.prompts import THINK
from tests.real_data import json_lines, real_file

ROLLOUTS = {
    "GRPO": "vlm_grpo_rollouts/20251028_165141__rollout_results.jsonl",
    "collapsed": "vlm_grpo_rollouts/20251022_181457__rollout_results.jsonl",
}
LOGS = {
    "counting": "r1v_eval_logs/counting_results_superclevr_200_qwen2vl_2b_instruct_legacy.json",
    "counting, trained": "r1v_eval_logs/counting_results_superclevr_200_qwen2vl_2b_instruct_grpo100_legacy.json",
    "geometry": "r1v_eval_logs/geoqa_test_qwen2vl_7b_instruct_legacy.json",
}

_UNIT = re.compile(r"(?:°|degrees?|[cm]?m(?:\^\{2\}|²)?|米|海里|nautical miles)$")
_NUMBER = r"\d+(?:\.\d+)?"
_QUOTIENT = re.compile(rf"\\frac\{{({_NUMBER})\}}\{{({_NUMBER})\}}|({_NUMBER})/({_NUMBER})")
_ROOT = re.compile(rf"({_NUMBER})?√\{{?({_NUMBER})\}}?")
_CIRCLE = re.compile(rf"({_NUMBER})(?:π|\\pi)")


def completions(name: str) -> list[str]:
    """The completions of one set. Skips the test where the data is absent."""
    if name in ROLLOUTS:
        return [record["completion"] for record in json_lines(ROLLOUTS[name])]
    return [result["model_output"] for result in log(name)["results"]]


def log(name: str) -> dict[str, Any]:
    """A log of R1-V: `accuracy` in percent, and `results`."""
    read: dict[str, Any] = json.loads(real_file(LOGS[name]).read_text(encoding="utf-8"))
    return read


def malformation_table() -> list[str]:
    """How often each malformation occurs in each set, as Markdown."""
    sets = [*ROLLOUTS, *LOGS]
    counts = {name: Counter(parse(text, THINK).malformed for text in completions(name)) for name in sets}
    total = sum(counts.values(), Counter[str | None]())
    rows = [
        [kind or "(well formed)", *(f"{counts[name][kind]:,}" if counts[name][kind] else "" for name in sets)]
        for kind, _ in sorted(total.items(), key=lambda item: (-item[1], item[0] or ""))
    ]
    sums = ["all", *(f"{counts[name].total():,}" for name in sets)]
    return markdown(["", *sets], [*rows, sums])


def accuracy_table() -> list[str]:
    """The accuracy that the authors state and ours, as Markdown."""
    rows = []
    for name in LOGS:
        told = log(name)
        graded = [(parse(r["model_output"], THINK).answer, str(r["ground_truth"])) for r in told["results"]]
        texts = sum(matches_gold(answer, gold) is True for answer, gold in graded)
        values = sum(is_same_value(answer, gold) for answer, gold in graded)
        rows.append([name, f"{told['accuracy']:.2f}", *(f"{100 * n / len(graded):.2f}" for n in (texts, values))])
    return markdown(["log", "stated", "ours, by text", "ours, by value"], rows)


def geometry_table() -> list[str]:
    """Why the geometry log's stated accuracy and ours by value differ, question by question, as Markdown."""
    counts = Counter(_geometry_verdict(result) for result in log("geometry")["results"])
    rows = [[they, we, why, f"{n:,}"] for (they, we, why), n in sorted(counts.items(), key=lambda item: -item[1])]
    return markdown(["they", "we", "why", "questions"], rows)


def _geometry_verdict(result: dict[str, Any]) -> tuple[str, str, str]:
    answer = parse(result["model_output"], THINK).answer
    gold = result["ground_truth"]
    is_right = is_same_value(answer, gold)
    they, we = ("right" if flag else "wrong" for flag in (result["is_correct"], is_right))
    if they == we:
        return they, we, ""
    if answer is None:
        return they, we, "there is no answer between tags: they read the whole text"
    if we == "right":
        return they, we, "they took another number, out of the reasoning"
    if _leading(answer) == _leading(gold):
        return they, we, "they compared the first number of an expression: 10 is right for 10√2"
    return they, we, "the answer between the tags is another one than in the reasoning, or a sentence"


def _leading(text: str) -> float | None:
    number = re.match(_NUMBER, text)
    return None if number is None else float(number[0])


def is_same_value(answer: str | None, gold: str) -> bool:
    """Whether both name one number, whatever the unit: 45 and 45°, 1.5 and \\frac{3}{2}; other notation by text."""
    if answer is None:
        return False
    values = _value(answer), _value(gold)
    if None in values:
        return matches_gold(answer, gold) is True
    return math.isclose(*values, rel_tol=1e-6)  # type: ignore[arg-type]  # neither is None


def _value(text: str) -> float | None:
    bare = _UNIT.sub("", text.strip().removesuffix(".").strip().lower()).strip()
    if re.fullmatch(_NUMBER, bare):
        return float(bare)
    if quotient := _QUOTIENT.fullmatch(bare):
        above, below = (float(part) for part in quotient.groups() if part is not None)
        return above / below if below else None
    if root := _ROOT.fullmatch(bare):
        return float(root[1] or 1) * math.sqrt(float(root[2]))
    if circle := _CIRCLE.fullmatch(bare):
        return float(circle[1]) * math.pi
    return None


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table."""
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


if __name__ == "__main__":
    for table in (malformation_table(), accuracy_table(), geometry_table()):
        print("\n".join(table), end="\n\n")
