"""`rftui compare` as it is typed: pages, documents, tables for papers, and refusals."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rftui.cli.comparing import comparison_fields
from rftui.cli.comparison_page import page_lines
from rftui.cli.comparison_tables import latex, markdown
from rftui.cli.output import json_safe
from rftui.cli.root import run
from rftui.comparing.compared_runs import Answer, ComparedRun, Evaluated, WithAndWithout
from rftui.comparing.comparison import Comparison, compare
from rftui.terminal.clean import clean
from store.layout import Home
from store.runs import Evaluation, RunSummary
from tests.evaluated_runs import answers, evaluation, write_run
from tests.store_runs import PATIENTLY

DOCUMENT = Path(__file__).parent.parent / "docs" / "compare.md"
HOSTILE = "50%_of {x} & $y$ #1 ~^|<b>*`\\end{tabular} [l](http://e) \x1b[31m"
Command = Callable[..., str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home of three runs: two that can be paired, and one over other data."""
    monkeypatch.setenv("RFTUI_HOME", str(tmp_path))
    home = Home(tmp_path)
    asked = [evaluation(answers("1" * 20 + "0" * 20), prompt="direct"), evaluation(answers("1" * 10 + "0" * 30))]
    write_run(home, "sat-sft-1", asked, seed=1)
    write_run(home, "sat-grpo-2", [evaluation(answers("1" * 30 + "0" * 10))], learning_rate=3e-6, seed=1)
    write_run(home, "sat-grpo-3", [evaluation(answers("10"), question="What colour?")], model=HOSTILE)
    return home


@pytest.fixture
def rftui(home: Home, capsys: pytest.CaptureFixture[str]) -> Command:
    def command(*arguments: str) -> str:
        assert run([*arguments]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return command


def test_the_page_shows_runs_settings_evaluations_and_tests(rftui: Command) -> None:
    page = rftui("compare", "sat-sft", "sat-grpo-2")

    for line in (
        r"A +sat-sft-1 +finished +9/9 +grpo +sat +tiny",
        r"learning_rate +1e-06 +3e-06",
        r"B +think +greedy +9 +40 +\.750 \[\.100, \.900\] +sat-generated heldout",
        r"against A \(sat-sft-1\), in points, on sat-generated heldout",
        r"B +think +greedy +40 +\+50\.0 \[\+\d\d\.\d, \+\d\d\.\d\] +\+20 -0 +<\.001",
        r"with <think> against without, in points, on sat-generated heldout",
        r"A +greedy +40 +-25\.0 \[-\d\d\.\d, -\d\d\.\d\] +\+0 -10 +\.002",
        r"- no test of sat-grpo-2 \(direct greedy\): sat-grpo-2 was not evaluated so",
    ):
        assert re.search(line, page), f"{line} in\n{page}"
    assert "seed" not in page.partition("last held-out")[0], "the seed is the same"


def test_a_page_fits_80_columns_whatever_the_names(home: Home, rftui: Command) -> None:
    names = [letter * 80 for letter in "ab"]
    for number, name in enumerate(names):
        settings = {"model": f"/models/{'deep/' * 30}{number}", "optim": f"adam-{'x' * 200}-{number}"}
        source = {"kind": "real", "name": "/data/" + "long/" * 40, "detail": "word " * 60}
        asked = [evaluation(answers("10"), source=source, prompt=prompt) for prompt in ("think", "direct")]
        write_run(home, name, asked, **settings)

    page = rftui("compare", *names, "sat-grpo-3", "--flips", "3")

    assert max(len(line) for line in page.splitlines()) <= 80
    assert f"{'x' * 60}" in page, "a long setting is wrapped and not cut"


@pytest.mark.parametrize("form", [[], ["--markdown"], ["--latex"], ["--flips", "2"]])
def test_nothing_hostile_reaches_the_terminal_and_the_source_stands_beside_the_numbers(
    rftui: Command, form: list[str]
) -> None:
    page = rftui("compare", "sat-sft", "sat-grpo-3", *form)

    assert page == clean(page)
    numbers = [line for line in page.splitlines() if ".500 [" in line or ".250 [" in line]
    assert len(numbers) == 3
    assert all("sat-generated" in line for line in numbers)
    assert "different examples: 2 of 2 uids stand for other questions" in " ".join(page.split())


def test_flips_are_listed_up_to_the_number_asked_for(rftui: Command) -> None:
    page = rftui("compare", "sat-sft", "sat-grpo-2", "--flips", "3")

    assert "<think> in A, greedy: broke 10, the first 3\n  example-10\n" in page
    assert "gold: left without: left with: right" in page
    assert page.count("  example-1") == 6, "three of each of the two tests that have flips"


def test_the_document_has_its_fields_and_its_page_names_them_all(rftui: Command) -> None:
    document = json.loads(rftui("compare", "sat-sft", "sat-grpo-2", "--json", "--flips", "1"))

    assert set(document) == {"baseline", "runs", "settings", "tests", "thinking", "notes", "methods"}
    assert document["baseline"] == "sat-sft-1"
    assert [item["name"] for item in document["runs"]] == ["sat-sft-1", "sat-grpo-2"]
    assert document["settings"] == [
        {"key": "learning_rate", "values": {"sat-sft-1": 1e-06, "sat-grpo-2": 3e-06}},
    ]
    tested, refused = document["tests"]
    assert (tested["test"]["difference"], tested["test"]["gained"], tested["test"]["p_holm"]) == (0.5, 20, None)
    assert [flip["uid"] for flip in tested["test"]["fixed"]] == ["example-10"]
    assert (refused["test"], refused["why_not"]) == (None, "sat-grpo-2 was not evaluated so")
    page = DOCUMENT.read_text(encoding="utf-8")
    assert [key for key in keys_of(document) if f"`{key}`" not in page] == []


def keys_of(value: Any) -> set[str]:
    """Every key of a document that is no name of a run, and no field of `runs --json` or `show --json`."""
    if isinstance(value, list):
        return {key for item in value for key in keys_of(item)}
    if not isinstance(value, dict):
        return set()
    inside = {key for name, item in value.items() if name not in ("runs", "values", "source") for key in keys_of(item)}
    return set(value) | inside


def test_the_baseline_can_be_any_run(rftui: Command) -> None:
    def tested(*arguments: str) -> list[tuple[str, str]]:
        document = json.loads(rftui("compare", *arguments, "--json"))
        return [(item["baseline"], item["run"]) for item in document["tests"] if item["test"]]

    assert tested("sat-sft", "sat-grpo-2", "--baseline", "sat-grpo-2") == [("sat-grpo-2", "sat-sft-1")]
    assert tested("sat-grpo-2", "--baseline", "sat-sft") == [("sat-sft-1", "sat-grpo-2")]


def test_markdown_rows_have_as_many_cells_as_their_table(rftui: Command) -> None:
    page = rftui("compare", "sat-sft", "sat-grpo-2", "sat-grpo-3", "--markdown")

    tables = [block.splitlines() for block in page.split("\n\n") if block.startswith("|")]
    assert len(tables) == 5
    for table in tables:
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {len(re.findall(r"\|", table[1]))}
    model = next(line for line in page.splitlines() if line.startswith("| sat-grpo-3"))
    assert r"\|\<b\>\*\`" in model
    assert "](" not in model.replace(r"\](", "")


def test_latex_tabulars_are_whole_and_every_special_sign_is_escaped(rftui: Command) -> None:
    page = rftui("compare", "sat-sft", "sat-grpo-2", "sat-grpo-3", "--latex")

    tabulars = re.findall(r"\\begin\{tabular\}\{([lr]+)\}\n(.*?)\\end\{tabular\}", page, re.DOTALL)
    assert len(tabulars) == page.count(r"\begin{tabular}") == 5
    for columns, body in tabulars:
        rows = [line for line in body.splitlines() if line != r"\hline"]
        assert len(rows) > 1
        for row in rows:
            assert_latex_row(row, cells=len(columns))
    outside = re.sub(r"\\begin\{tabular\}.*?\\end\{tabular\}", "", page, flags=re.DOTALL)
    assert all(line.startswith("%") for line in outside.splitlines() if line)


COMMANDS = {"textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater", "textbar", "ldots"}


def assert_latex_row(row: str, *, cells: int) -> None:
    """A row that TeX reads as that many cells of plain text: known commands only, groups and math closed."""
    assert row.endswith(r" \\")
    rest = row.removesuffix(r" \\")
    assert set(re.findall(r"\\([A-Za-z]+)", rest)) <= COMMANDS
    bare = re.sub(r"\\[A-Za-z]+\{\}|\\[{}$&#%_]|\$-\$", "", rest).removeprefix("{}")
    assert not set(bare) & set('\\{}$#%_^~<>|"'), row
    assert bare.count("&") == cells - 1


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles(rftui: Command, tmp_path: Path) -> None:
    page = rftui("compare", "sat-sft", "sat-grpo-2", "sat-grpo-3", "--latex")
    (tmp_path / "page.tex").write_text("\\documentclass{article}\\begin{document}\n" + page + "\\end{document}\n")

    compiled = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert compiled.returncode == 0, compiled.stdout.decode(errors="replace")[-800:]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["sat-sft"], 2, "one run alone"),
        (["sat-sft", "sat-sft-1"], 2, "named twice"),
        (["sat-sft", "sat-grpo-2", "--markdown"], 2, "exclude each other"),
        (["sat-sft", "sat-grpo-2", "--latex", "--flips", "2"], 2, "exclude each other"),
        (["sat-sft", "sat-grpo-2", "--flips", "-1"], 2, "--flips"),
        (["sat-sft", "nothing"], 3, "no run nothing"),
        (["sat-sft", "sat-grpo"], 3, "begins the names of 2 runs"),
        (["sat-sft", "sat-grpo-2", "--baseline", "nothing"], 3, "no run nothing"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_fix(
    home: Home, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    assert run(["compare", *arguments, "--json"]) == code

    printed = capsys.readouterr()
    problem = json.loads(printed.err)
    assert printed.out == ""
    assert set(problem) == {"error", "found", "expected", "fix"}
    assert words in problem["error"]


@pytest.mark.parametrize("form", ["--markdown", "--latex"])
def test_flips_have_no_place_in_tables_and_that_is_said(
    home: Home, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    assert run(["compare", "sat-sft", "sat-grpo-2", form, "--flips", "2"]) == 2

    assert "no place for flips" in capsys.readouterr().err


def test_a_store_that_is_no_database_is_exit_code_4(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.catalogue.write_bytes(b"this is no database, and it is longer than a header of SQLite would be" * 9)
    home.catalogue.with_name("catalogue.db-wal").unlink(missing_ok=True)

    assert run(["compare", "sat-sft", "sat-grpo-2", "--json"]) == 4

    assert "rebuild" in json.loads(capsys.readouterr().err)["fix"]


foreign = st.text(max_size=120)


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    """Two runs, of which everything that is not ours is any text at all."""

    source = {"kind": draw(foreign), "name": draw(foreign), "detail": draw(foreign)}
    examples = {uid: (draw(foreign), draw(foreign)) for uid in draw(st.lists(foreign, max_size=3))}

    def evaluated(prompt: str, decoding: str) -> Evaluated:
        numbers = (2, 1, 0.5, 0.1, 0.9, 0, draw(st.integers(0, 3)))
        totals = Evaluation(draw(st.integers(0, 10**6)), prompt, decoding, "test", source, *numbers)
        given = {
            uid: Answer(question, (), gold, draw(st.none() | foreign), draw(st.booleans()))
            for uid, (question, gold) in examples.items()
        }
        return Evaluated(totals, given)

    def compared(name: str) -> ComparedRun:
        head = (name, "sat", draw(foreign), draw(foreign), None, draw(foreign), draw(foreign))
        summary = RunSummary(*head, 1, 2, 0.0, None, None, None, None, None, None, ())
        decoding = draw(st.sampled_from(["greedy", "sampled"]) | foreign)
        think, direct = evaluated("think", decoding), evaluated("direct", decoding)
        settings = draw(st.dictionaries(foreign, foreign | st.none() | st.floats() | st.lists(foreign), max_size=3))
        return ComparedRun(summary, settings, (think, direct), (WithAndWithout(think, direct),))

    return compare([compared("a" * draw(st.integers(1, 80))), compared("b-2")])


@PATIENTLY
@given(comparisons())
def test_no_foreign_text_breaks_a_page_a_table_or_a_document(comparison: Comparison) -> None:
    pages = {
        "page": list(page_lines(comparison, width=80, flips=2)),
        "markdown": list(markdown(comparison)),
        "latex": list(latex(comparison)),
    }

    for lines in pages.values():
        assert [line for line in lines if line.splitlines() not in ([line], [])] == []
        assert [line for line in lines if clean(line) != line] == []
    assert max(len(line) for line in pages["page"]) <= 80
    for line in pages["latex"]:
        assert (
            line.startswith(("%", "\\begin{tabular}", "\\end{tabular}", "\\hline")) or not line or line.endswith(r" \\")
        )
    for tabular in re.findall(
        r"\\begin\{tabular\}\{([lr]+)\}\n(.*?)\\end\{tabular\}", "\n".join(pages["latex"]), re.DOTALL
    ):
        for row in tabular[1].splitlines():
            if row != r"\hline":
                assert_latex_row(row, cells=len(tabular[0]))
    json.dumps(json_safe(comparison_fields(comparison, flips=2)), allow_nan=False)
