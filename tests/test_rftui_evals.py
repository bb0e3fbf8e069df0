"""Evaluations in parts: types, gold against answer, paired tests and flips, worked out by hand; lines that fit."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.scoring import circular_score, wilson
from evals.statistics import mcnemar, paired_difference
from evals.unmatched import Given, unmatched_record
from rftui.charts.plot import draw_plot
from rftui.evaluations.browser import AnswerBrowser, Filter
from rftui.evaluations.matrix import MatrixView, matrix_lines, moved_column
from rftui.evaluations.parts import circular_lines, length_lines, unmatched_lines
from rftui.evaluations.reads import EvalDetail, EvalsSource, SamplePage, lengths_of, newest_first, other_prompt
from rftui.evaluations.sample_text import answer_row, browser_lines, sample_lines
from rftui.evaluations.tables import Confusion, Flip, by_kind, confusion, flips, paired_answers
from rftui.evaluations.text import kind_lines, list_head, list_row, p_text, paired_lines, total_lines, trend_lines
from rftui.evaluations.trend import trend_plot
from rftui.terminal.spans import Line, Role, line_width
from store.evaluation_parts import Unmatched, UnmatchedAnswer, circular_of, unmatched_of
from store.evaluations import EvalAnswer, EvalKey, HeldOut, eval_answers
from store.layout import Home
from store.rollouts import EvalSample, open_rollouts
from tests.eval_rows import DIRECT, FIRST, THINK, answer, answers, evaluated_home, evaluation_records
from tests.rollout_rows import HOSTILE
from tests.store_runs import append, ingest_all

RUN = "sat-grpo-1"
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
NEWEST = EvalKey(50, "think", "greedy", "heldout")


def said(lines: Iterable[Line]) -> str:
    """Lines as text."""
    return "\n".join("".join(span.text for span in line) for line in lines)


def held(step: int, *, prompt: str = "think", accuracy: float | None = 0.5, **changed: object) -> HeldOut:
    """Totals of an evaluation of 100 examples."""
    key = EvalKey(step, prompt, "greedy", "heldout")
    source = {"kind": "generated", "name": "sat-generated", "detail": "seed 0"}
    fields = (key, 1, 0.0, source, 100, 50, accuracy, 0.4, 0.6, 0.95, 0, 0, 0, 0, 0.0, 20.0, 10.0)
    return HeldOut(*fields)._replace(**changed)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A run with evaluations at steps 0 and 50, with and without <think>; nobody writes into it."""
    return evaluated_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def detail(home: Home) -> EvalDetail:
    """The newest evaluation with <think>, in parts."""
    found = EvalsSource(home, RUN).page(None).detail
    assert found is not None
    return found


def test_each_question_type_is_counted_apart() -> None:
    rows = by_kind([*answers("1100", kind="count"), *answers("1?-", kind="axis"), *answers("--", kind="odd")])

    assert [(row.kind, row.n, row.correct, row.unparsed, row.ungradable) for row in rows] == [
        ("axis", 2, 1, 1, 1),
        ("count", 4, 2, 0, 0),
        ("odd", 0, 0, 0, 2),
    ]
    assert rows[2].accuracy is None
    assert (rows[1].low, rows[1].high) == pytest.approx(wilson(2, 4))


def test_gold_stands_against_answer_with_unparsed_and_other_ones_apart() -> None:
    found = confusion(
        [
            answer(0, gold="Left"),
            answer(1, gold="left", answer="LEFT.", correct=True),
            answer(2, gold="left", answer="right", correct=False),
            answer(3, gold="left", answer="both", correct=False),
            answer(4, gold="right", answer=None, correct=False),
            answer(5, gold="right", answer="right", correct=True),
            # the task's own rule calls it wrong although it reads like the gold answer
            answer(6, gold="right", answer="right", correct=False),
            answer(7, gold="", answer="left", correct=None),
        ]
    )

    assert isinstance(found, Confusion)
    assert found.labels == ("Left", "right")
    assert dict(found.counts) == {(0, 0): 2, (0, 1): 1, (1, 1): 1}
    assert dict(found.others) == {0: 1, 1: 1}
    assert dict(found.unparsed) == {1: 1}
    assert [found.total(gold) for gold in (0, 1)] == [4, 3]
    assert found.mistakes() == [(0, 1, 1)]


@pytest.mark.parametrize(
    ("golds", "why"),
    [
        ([], "no answer could be graded"),
        (["left"] * 5, "same gold answer"),
        # one example for each gold answer is no table but a list
        ([f"gold {number}" for number in range(30)], "30 different gold answers in 30 examples"),
        ([f"gold {number % 200}" for number in range(800)], "200 different gold answers"),
    ],
)
def test_where_there_is_no_table_it_is_said_why(golds: list[str], why: str) -> None:
    found = confusion([answer(number, gold=gold) for number, gold in enumerate(golds)])

    assert isinstance(found, str) and why in found
    assert "no table" in said(matrix_lines(found, MatrixView(80), kind=None))


@given(st.lists(st.tuples(st.sampled_from("ab c"), st.sampled_from(["a", "b", "c", "x", None])), min_size=6))
def test_every_graded_answer_is_in_the_table_once(pairs: list[tuple[str, str | None]]) -> None:
    graded = [answer(number, gold=gold, answer=text, correct=text == gold) for number, (gold, text) in enumerate(pairs)]

    found = confusion(graded)

    if isinstance(found, Confusion):
        assert sum(found.total(gold) for gold in range(len(found.labels))) == len(pairs)
        assert sum(found.counts.get((at, at), 0) for at in range(len(found.labels))) == sum(
            bool(item.correct) for item in graded
        )


def test_a_table_fits_any_width_and_is_scrolled_by_columns() -> None:
    golds = [f"manufacturer {number}" for number in range(12)]
    graded = [answer(number, gold=golds[number % 12], answer=golds[number % 12]) for number in range(48)]
    graded[0] = answer(0, gold=golds[0], answer=golds[3], correct=False)
    found = confusion(graded)
    assert isinstance(found, Confusion)

    for width in (40, 80, 200):
        assert all(line_width(line) <= width for line in matrix_lines(found, MatrixView(width), kind="make"))
    first, last = (said(matrix_lines(found, MatrixView(80, at), kind="make")) for at in (0, 99))

    assert "by number, 1 to 5 of 12 (left, right)" in first and "8 to 12 of 12" in last
    assert "[4]" in first and "[4]" in last
    assert [moved_column(found, MatrixView(80, at), by) for at, by in ((0, 1), (6, 1), (7, 1), (1, -1))] == [2, 7, 7, 0]
    assert "1 x manufacturer 0 answered manufacturer 3" in first


def test_examples_flip_each_way() -> None:
    found = flips(answers("1100-1"), answers("10101-"))

    assert found == {
        "held-out-0": Flip.BOTH,
        "held-out-1": Flip.MENDED,
        "held-out-2": Flip.BROKEN,
        "held-out-3": Flip.NEITHER,
    }


def test_two_evaluations_are_paired_over_what_both_graded() -> None:
    before, after = answers("1100-1"), answers("10111-")

    found = paired_answers(before, after)

    flags = ([True, True, False, False], [True, False, True, True])
    change, test = paired_difference(*flags), mcnemar(*flags)
    assert found is not None
    assert (found.n, found.before, found.after, found.gained, found.lost) == (4, 0.5, 0.75, 2, 1)
    assert (found.both_right, found.both_wrong) == (1, 0)
    assert (found.difference, found.low, found.high, found.p) == (0.25, change.low, change.high, test.p)
    assert paired_answers(answers("--"), answers("11")) is None


def test_the_newest_evaluation_is_shown_in_parts(home: Home, detail: EvalDetail) -> None:
    page = EvalsSource(home, RUN).page(None)

    assert [item.key for item in page.evaluations][:2] == [NEWEST, other_prompt(NEWEST)]
    assert page.chances == {("heldout", 12): pytest.approx(1 / 3)}
    assert detail.totals.key == NEWEST
    assert [(row.kind, row.n, row.unparsed) for row in detail.kinds] == [("count", 6, 0), ("relation", 6, 1)]
    assert detail.thinking is not None and detail.since_first is not None
    pairs = list(zip(DIRECT, THINK, strict=True))
    assert detail.thinking.gained == sum(a != "1" and b == "1" for a, b in pairs)
    assert detail.thinking.lost == sum(a == "1" and b != "1" for a, b in pairs)
    assert detail.since_first.step == 0
    assert detail.since_first.change.before == pytest.approx(FIRST.count("1") / 12)


def test_without_the_other_prompt_and_at_the_first_step_nothing_is_paired(tmp_path: Path) -> None:
    home = evaluated_home(tmp_path)
    append(home.run(RUN).journal(0, 1), *evaluation_records(60, "1" * 12, decoding="sampled"))
    ingest_all(home)

    found = EvalsSource(home, RUN).page(EvalKey(60, "think", "sampled", "heldout")).detail

    assert found is not None and found.totals.key.decoding == "sampled"
    assert (found.thinking, found.flips, found.since_first) == (None, {}, None)
    assert "step 60 was not evaluated without <think>" in said(paired_lines(found, 100))
    assert "one sample at temperature 1" in said(total_lines(found, 100))


def test_an_evaluation_that_grows_is_read_again_and_one_that_is_whole_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = evaluated_home(tmp_path)
    source = EvalsSource(home, RUN)
    reads: list[EvalKey] = []

    def counted(connection: sqlite3.Connection, key: EvalKey) -> list[EvalAnswer]:
        reads.append(key)
        return eval_answers(connection, key)

    monkeypatch.setattr("rftui.evaluations.reads.eval_answers", counted)
    source.page(None)
    count = len(reads)

    assert source.page(None) == source.page(None)
    assert len(reads) == count

    # the totals came before the answers, as the two databases are not written in one transaction
    with closing(open_rollouts(home, RUN)) as connection:
        assert connection.execute("SELECT count(*) FROM eval_sample").fetchone()[0] == 48
    *samples, result = evaluation_records(70, "1" * 12)
    append(home.run(RUN).journal(0, 1), result)
    ingest_all(home)
    early = source.page(None).detail
    append(home.run(RUN).journal(0, 1), *samples)
    ingest_all(home)
    late = source.page(None).detail
    assert early is not None and late is not None
    assert (len(early.answers), len(late.answers)) == (0, 12)
    assert "0 of its answers are stored" in said(total_lines(early, 100))


def test_totals_say_of_what_they_are(detail: EvalDetail) -> None:
    text = said(total_lines(detail, 200))

    assert "step 50  with <think>, greedy" in text
    assert ".750 [.468, .911]  95% Wilson  9 right of 12  chance .333  1 unparsed" in text
    assert "data: generated sat, split heldout" in text


def test_thinking_is_said_to_have_broken_and_mended(detail: EvalDetail) -> None:
    text = said(paired_lines(detail, 200))

    assert "with against without <think>, step 50" in text
    assert "think .750, direct .500" in text
    assert "thinking broke 0, mended 3" in text
    assert "McNemar exact p = 0.25" in text
    assert "against step 0, asked in the same way" in text


def test_few_flips_make_an_interval_that_is_called_too_narrow(detail: EvalDetail) -> None:
    assert detail.thinking is not None
    many = detail._replace(thinking=detail.thinking._replace(gained=8, lost=2), since_first=None)

    assert "only 3 flipped: the interval is too narrow" in said(paired_lines(detail, 200))
    assert "too narrow" not in said(paired_lines(many, 200))
    none = detail._replace(thinking=detail.thinking._replace(gained=0, lost=0))
    assert "none flipped" in said(paired_lines(none, 200))


def test_question_types_show_what_thinking_did_there(detail: EvalDetail) -> None:
    text = said(kind_lines(detail, 120, chosen="count"))

    assert "▸ count" in text and "  relation" in text
    assert "thinking +" in text


def test_a_row_of_the_list_loses_its_last_columns_first() -> None:
    rows = [said([list_row(held(50, unparsed=3), 0.25, width)]) for width in (20, 40, 60, 100)]

    assert rows[0].split() == ["50", "think"]
    assert rows[1].split() == ["50", "think", "greedy"]
    assert "[.400, .600]" in rows[2] and "generated" not in rows[2]
    assert rows[3].split() == [
        "50",
        "think",
        "greedy",
        ".500",
        "[.400,",
        ".600]",
        "100",
        "3",
        ".250",
        "sat-generated",
        "heldout",
    ]
    assert said([list_head(100)]).split()[:3] == ["step", "prompt", "decoding"]
    assert "—" in said([list_row(held(50, accuracy=None), None, 100)])


def test_trends_are_one_line_a_prompt_and_one_curve() -> None:
    items = [held(0, accuracy=0.2), held(50, accuracy=0.9), held(0, prompt="direct"), held(50, prompt="direct")]

    lines = said(trend_lines(items, 80)).splitlines()
    plot = trend_plot(items, step=50, is_ascii=True)

    assert lines[0].split() == ["think", "▂█", ".200", "at", "0,", ".900", "at", "50"]
    assert plot is not None
    assert [series.name for series in plot.series] == ["think", "direct"]
    assert plot.series[0].readout == ".900" and plot.cursor == 50
    assert plot.values is not None and plot.values.low == 0.2
    assert len(draw_plot(plot, width=60, height=12)) == 12
    assert trend_plot(items[:1], step=0, is_ascii=True) is None
    assert trend_plot([held(0, accuracy=None), held(1, accuracy=None)], step=None, is_ascii=True) is not None


def test_the_newest_come_first_with_think_and_greedy_before_the_rest() -> None:
    keys = [
        EvalKey(step, prompt, decoding, "heldout")
        for step in (9, 3)
        for decoding in ("greedy", "sampled")
        for prompt in ("think", "direct")
    ]

    assert [item.key for item in newest_first([held(0, key=key) for key in reversed(keys)])] == keys


@pytest.mark.parametrize(("p", "text"), [(1.0, "= 1"), (0.03125, "= 0.031"), (0.00001, "< 0.0001")])
def test_p_values_are_short(p: float, text: str) -> None:
    assert p_text(p) == text


def test_answers_are_looked_through_by_what_became_of_them(detail: EvalDetail) -> None:
    browser = AnswerBrowser()
    browser.take(detail)

    seen = {}
    for _ in Filter:
        seen[browser.filter] = [item.number for item in browser.answers]
        browser.next_filter()

    assert browser.filter is Filter.WRONG
    assert seen == {
        Filter.WRONG: [8, 9, 11],
        Filter.BROKEN: [],
        Filter.MENDED: [2, 3, 7],
        Filter.NEITHER: [9, 11] if DIRECT[8] == "1" else [8, 9, 11],
        Filter.UNPARSED: [9],
        Filter.CLIPPED: [],
        Filter.RIGHT: [0, 1, 2, 3, 4, 5, 6, 7, 10],
        Filter.ALL: list(range(12)),
    }


def test_question_types_narrow_what_is_looked_through(detail: EvalDetail) -> None:
    browser = AnswerBrowser()
    browser.take(detail)

    browser.next_kind()
    assert browser.kind == "count" and [item.number for item in browser.answers] == [8]
    assert len(browser.of_kind()) == 6
    text = said(browser_lines(browser, place=0, width=120, height=2))
    assert "wrong (f)  count (t)  1 of 1, of 6 answers" in text
    browser.next_kind()
    browser.next_kind()
    assert browser.kind is None


def test_without_flips_filters_by_flip_are_not_offered(detail: EvalDetail) -> None:
    browser = AnswerBrowser()
    browser.take(detail)
    browser.next_filter()
    browser.take(detail._replace(flips={}))

    assert browser.filter is Filter.WRONG
    assert Filter.BROKEN not in browser.filters
    browser.take(None)
    assert browser.answers == [] and said(browser_lines(browser, place=0, width=80, height=2)) == "no evaluation"


def sample_page(**changed: object) -> SamplePage:
    """An example that thinking broke."""
    fields = {
        "step": 50,
        "prompt": "think",
        "decoding": "greedy",
        "split": "heldout",
        "number": 7,
        "uid": "u",
        "kind": "relation",
        "question": "Where is it?",
        "options": ("left", "right"),
        "gold": "left",
        "images": (),
        "completion": "<think>It seems\nto be right.</think><answer>right</answer>",
        "think": "It seems",
        "answer": "right",
        "malformed": None,
        "correct": False,
        "tokens": 12,
        "think_tokens": 7,
        "stop": "eos",
    }
    sample = EvalSample(**{**fields, **changed})  # type: ignore[arg-type]
    other = sample._replace(prompt="direct", completion="<answer>left</answer>", answer="left", correct=True)
    return SamplePage(NEWEST, 7, sample, other)


def test_an_example_shows_both_completions_in_full() -> None:
    text = said(sample_lines(sample_page(), Flip.BROKEN, 100))

    order = ["Where is it?", "gold left", "think wrong, direct right", "with <think>  ✗ wrong  answer right"]
    order += ["<think>It seems", "to be right.</think><answer>right</answer>"]
    order += ["without <think>  ✓ right  answer left", "<answer>left</answer>"]
    places = [text.find(part) for part in order]
    assert -1 not in places and places == sorted(places)


def test_two_answers_stand_side_by_side_where_there_is_room() -> None:
    lines = sample_lines(sample_page(), Flip.BROKEN, 140)

    rows = said(lines).splitlines()
    head = next(row for row in rows if "without <think>" in row)
    assert head.index("without <think>") < head.index(" │ ") < head.index("with <think>  ✗ wrong")
    body = next(row for row in rows if "<answer>left</answer>" in row)
    assert body.index("<answer>left</answer>") < body.index(" │ ") < body.index("<think>It seems")
    assert max(map(line_width, lines)) <= 140
    # the same two columns whichever of the two was opened
    page = sample_page()
    swapped = page._replace(sample=page.other, other=page.sample)
    assert said(sample_lines(swapped, Flip.BROKEN, 140)).splitlines()[-4:] == rows[-4:]


def test_flips_begin_where_there_are_some_and_go_back_and_forth(detail: EvalDetail) -> None:
    browser = AnswerBrowser()
    browser.take(detail)

    seen: list[tuple[Filter, list[int]]] = []
    for _ in range(3):
        browser.next_flips()
        seen.append((browser.filter, [item.number for item in browser.answers]))

    assert seen == [(Filter.MENDED, [2, 3, 7]), (Filter.BROKEN, []), (Filter.MENDED, [2, 3, 7])]
    assert "flips +3 mended, -0 broken" in said(browser_lines(browser, place=0, width=120, height=2))


def test_all_that_is_listed_by_stands_above_a_narrow_list(detail: EvalDetail) -> None:
    browser = AnswerBrowser()
    browser.take(detail)
    browser.next_flips()

    lines = [said([line]) for line in browser_lines(browser, place=0, width=30, height=5)]

    assert lines == [
        "step 50 think greedy",
        "think right, direct wrong (f)",
        "all types (t)",
        "1 of 3, of 12 answers",
        "flips +3 mended, -0 broken",
    ]


def test_without_flips_their_key_lists_nothing_else(detail: EvalDetail) -> None:
    browser = AnswerBrowser()
    browser.take(detail._replace(flips={}))

    browser.next_flips()

    assert browser.filter is Filter.WRONG


def test_unparsed_answers_are_told_apart_by_the_form_of_their_completion(detail: EvalDetail) -> None:
    totals = detail.totals._replace(unparsed=3, unparsed_by={"several answers": 1, "no answer tag": 2})

    text = said(total_lines(detail._replace(totals=totals), 200))

    assert "3 unparsed (2 no answer tag, 1 several answers)" in text


def test_rotations_say_both_scores_and_whether_places_matter() -> None:
    score = circular_score(
        {str(n): {turn: turn == 0 for turn in range(2)} for n in range(50)}, {str(n): 2 for n in range(50)}
    )
    assert score is not None
    recorded = circular_of(score.as_record())

    text = said(circular_lines(recorded, 200))

    assert "right in every rotation .000 [.000, .071]" in text
    assert "mean over rotations .500 [.500, .500]" in text
    assert "50 examples, 100 questions" in text
    assert "turned by 0 1.000 [.929, 1.000]" in text and "turned by 1 .000 [.000, .071]" in text
    assert list(circular_lines(None, 200)) == []


def test_answers_that_match_nothing_are_listed_with_what_is_near() -> None:
    record = unmatched_record(
        [Given(f"odd {n // 2}", False, ()) for n in range(24)] + [Given("737-30", False, ())], ["737-300"]
    )
    unmatched = unmatched_of(record)

    text = said(unmatched_lines(unmatched, 100, most=2))

    assert "25 wrong answers name no label" in text
    assert "2 x odd 0" in text and "and 11 other answers" in text
    assert "nearest 737-300" in said(unmatched_lines(unmatched, 100, most=20))
    assert list(unmatched_lines(None, 100)) == []


def test_lengths_stand_against_accuracy_with_a_caution(home: Home) -> None:
    bins = lengths_of([answer(n, tokens=10 + n, correct=n < 6, uid=str(n)) for n in range(12)])

    text = said(length_lines(bins, 120))

    assert "10 to 12 tokens" in text and "19 to 21 tokens" in text
    assert "hard ones may draw long answers" in text
    assert list(length_lines(bins[:1], 120)) == []


def test_the_answers_are_there_before_their_tests(home: Home) -> None:
    source = EvalsSource(home, RUN)

    first, whole = source.page(None, in_parts=False), source.page(None)

    assert first.detail is not None and whole.detail is not None
    assert (first.detail.is_whole, whole.detail.is_whole) == (False, True)
    assert (first.detail.answers, first.detail.flips) == (whole.detail.answers, whole.detail.flips)
    assert "working out tests" in said(paired_lines(first.detail, 100))
    assert first.evaluations == whole.evaluations and first.chances == whole.chances


def test_what_cannot_be_read_is_said() -> None:
    page = sample_page(answer=None, malformed="no answer tag", stop="length", correct=None)

    text = said(sample_lines(page, None, 100))

    assert "not gradable  answer none that could be read" in text
    assert "clipped  no answer tag" in text
    assert "not stored" in said(sample_lines(page._replace(sample=None), None, 100))


@pytest.mark.parametrize("foreign", HOSTILE)
@pytest.mark.parametrize("width", [12, 80, 140])
def test_nothing_foreign_steers_a_terminal_or_leaves_its_width(foreign: str, width: int) -> None:
    page = sample_page(question=foreign, gold=foreign, answer=foreign, completion=foreign, options=(foreign,))
    page = page._replace(sample=page.sample and page.sample._replace(kind=foreign, uid=foreign, malformed=foreign))
    odd = answer(0, gold=foreign, answer=foreign, kind=foreign, correct=False)
    source = {"kind": foreign, "name": foreign, "detail": foreign}
    totals = held(1, source=source, key=EvalKey(1, foreign, foreign, foreign), unparsed=1, unparsed_by={foreign: 1})
    unmatched = Unmatched("labels", 1, (UnmatchedAnswer(foreign, 1, (foreign,), (foreign, foreign)),))
    rows = by_kind([odd])
    detail = EvalDetail(totals, (odd,), tuple(rows), None, None, {}, None)
    table = confusion([odd, odd, odd._replace(gold="other"), odd])

    lines = [*sample_lines(page, None, width), answer_row(odd, None, width), list_row(totals, None, width)]
    lines += [*total_lines(detail, width), *kind_lines(detail, width, chosen=None), *paired_lines(detail, width)]
    lines += [*matrix_lines(table, MatrixView(width), kind=foreign), *trend_lines([totals, held(3)], width)]
    lines += [*unmatched_lines(unmatched, width)]
    lines += [*length_lines(lengths_of([odd, odd._replace(tokens=99)]), width)]

    for line in lines:
        assert line_width(line) <= width
        assert not any(CONTROL.search(span.text) for span in line)
        assert all(isinstance(span.role, Role) for span in line)
