"""The list reads what changed and nothing else, and keeps its place while it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rftui.errors import QueryError
from rftui.runs.annotations import add_note, add_tags, put_pin, put_star
from rftui.runs.browser import RunBrowser
from rftui.runs.filter import parse_filter
from rftui.runs.list_reads import ListNews, RunListWatch, Wanted, metric_choices, read_traces
from rftui.runs.marks import Marks
from rftui.runs.preview import head_lines, read_preview, text_lines
from rftui.runs.view import GroupHead
from rftui.terminal.spans import Line
from store.layout import Home
from store.run_list import Trace
from store.runs import open_catalogue
from tests.listed_runs import small_home, summary, write_listed
from tests.store_runs import append, ingest_all, metrics, rows


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    small_home(home)
    return home


@pytest.fixture
def opened(home: Home, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every time that the catalogue was opened for the list."""
    opened: list[str] = []
    original = open_catalogue

    def counted(of: Home) -> Any:
        opened.append("catalogue")
        return original(of)

    monkeypatch.setattr("rftui.runs.list_reads.open_catalogue", counted)
    return opened


def looked(watch: RunListWatch, *arguments: Any, **options: Any) -> ListNews:
    news = watch.look(*arguments, **options)
    assert news is not None
    return news


def settled(home: Home, wanted: Wanted = Wanted()) -> RunListWatch:
    """A watch that has seen everything."""
    watch = RunListWatch(home)
    watch.first()
    watch.look(wanted)
    watch.look(wanted)
    return watch


def text(lines: list[Line]) -> str:
    return "\n".join("".join(span.text for span in line) for line in lines)


def test_the_first_look_shows_the_catalogue_and_the_next_what_is_true(home: Home) -> None:
    write_listed(home, "sat-grpo-5", uid=15)
    watch = RunListWatch(home)

    assert "sat-grpo-5" not in {run.name for run in watch.first().runs.values()}
    assert looked(watch).runs[15].step == 20


def test_a_look_at_nothing_new_opens_no_database(home: Home, opened: list[str]) -> None:
    watch = settled(home)
    opened.clear()

    assert watch.look() is None
    assert opened == []


def test_what_people_do_is_seen_at_the_next_look(home: Home) -> None:
    watch = settled(home)

    add_tags(home, "sat-grpo-1", ["best"])
    put_star(home, "sat-sft-2", is_starred=True)
    put_pin(home, "sat-sft-2", is_pinned=True)

    news = looked(watch)
    assert news.runs[11].tags == ("best",)
    assert news.marks == Marks(frozenset({12}), 12)


def test_a_live_run_is_taken_in_as_it_writes(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    seen_to: list[str] = []
    rows(home, "UPDATE run SET state='running' WHERE id=11")
    watch = settled(home)
    monkeypatch.setattr("rftui.runs.reads.attend", lambda run_dir: seen_to.append(run_dir.name))
    watch._attend_at = float("inf")
    rows(home, "UPDATE run SET state='running' WHERE id=11")
    watch.look(is_thorough=True)
    seen_to.clear()
    watch.look()

    append(home.run("sat-grpo-1").journal(0, 1), metrics(21, reward=9.0))
    news = looked(watch)

    assert news.runs[11].reward == 9.0
    assert seen_to == ["sat-grpo-1"]


def test_the_databases_of_a_live_run_stay_open_until_it_lives_no_more(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []
    monkeypatch.setattr("rftui.runs.reads.attend", lambda run_dir: None)
    monkeypatch.setattr("store.ingester.RunIngester.close", lambda ingester: closed.append(ingester.name))
    rows(home, "UPDATE run SET state='running' WHERE id=11")
    watch = RunListWatch(home)
    watch.first()
    watch._folder, watch._scan_at = home.runs_dir.stat().st_mtime_ns, float("inf")
    watch.look()
    first = watch._ingesters[11]

    append(home.run("sat-grpo-1").journal(0, 1), metrics(21, reward=9.0))
    watch.look()
    assert watch._ingesters == {11: first}
    assert closed == []

    append(home.run("sat-grpo-1").supervisor_journal, {"type": "state", "attempt": 1, "state": "finished"})
    watch.look()
    watch.look()
    assert watch._ingesters == {}
    assert closed == ["sat-grpo-1"]
    assert watch.look() is None


def test_a_live_run_without_a_directory_is_lost(home: Home) -> None:
    watch = settled(home)
    home.run("sat-grpo-1").path.rename(home.path / "elsewhere")
    rows(home, "UPDATE run SET state='running' WHERE id=11")

    news = looked(watch, is_thorough=True)

    assert (news.runs[11].state, news.runs[11].reason) == ("lost", "its directory is gone")


def test_settings_metrics_and_notes_are_read_when_they_are_wanted(home: Home) -> None:
    add_note(home, "sat-grpo-1", "odd curve")
    watch = settled(home)

    news = looked(watch, Wanted(frozenset({"learning_rate", "kl", "never"}), notes=True))

    assert news.values["learning_rate"] == {11: 1e-6, 12: 1e-5}
    assert news.values["kl"] == {11: 0.11, 12: 0.12, 13: 0.13, 14: 0.14}
    assert news.values["never"] == {}
    assert {"learning_rate", "kl"} <= news.names
    assert news.notes == {11: "odd curve"}


def test_a_home_that_is_only_read_is_not_written(home: Home) -> None:
    files = {path: path.stat().st_mtime_ns for path in home.path.rglob("*.jsonl")}
    append(home.user_journal, {"type": "tag", "uid": 11, "tag": "unindexed"})
    rows(home, "UPDATE run SET state='running' WHERE id=11")

    watch = settled(Home(home.path, is_read_only=True))

    watch.look(is_thorough=True)

    assert rows(home, "SELECT * FROM tag") == []
    assert {path: path.stat().st_mtime_ns for path in files} == files


def test_traces_are_of_the_headline_of_each_method(home: Home) -> None:
    runs = RunListWatch(home).first().runs

    traces = read_traces(home, {11: runs[11], 12: runs[12]}, columns=5)

    assert traces[11].last == traces[12].last == 1.0
    assert len(traces[12].values) == 5


def test_what_can_be_sorted_by_is_metrics_then_settings(home: Home) -> None:
    choices = metric_choices(home)

    assert choices.index("kl") < choices.index("learning_rate")
    assert len(set(choices)) == len(choices)


def test_a_preview_says_accuracy_with_its_source_values_end_tags_and_notes(home: Home) -> None:
    add_tags(home, "banner-grpo-3", ["odd"])
    add_note(home, "banner-grpo-3", "look at this")
    ingest_all(home)
    runs = looked(RunListWatch(home)).runs

    found = read_preview(home, 13, runs[13])
    said = text(text_lines(found, now=1e10, is_starred=True, width=100, is_ascii=False))

    assert found.panels[0].title == "reward"
    for part in (
        "think greedy   .300 [.100, .900]  n 10, test, generated data, step 20",
        "reward 1",
        "ended failed",
        "out of memory",
        "#odd",
        "starred",
        "look at this",
    ):
        assert part in said
    head = text(head_lines(runs[13], width=100, is_ascii=False))
    assert "banner-grpo-3" in head and "grpo on banner, generated data" in head


# where somebody is


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def browser(*names: str, **changed: Any) -> RunBrowser:
    """A list of these runs, newest first."""
    made = RunBrowser(Clock())
    made.take(news_of(*names, **changed))
    return made


def news_of(*names: str, **changed: Any) -> ListNews:
    return ListNews({uid: summary(name) for uid, name in enumerate(names, 1)}, Marks(), **changed)


def shown(of: RunBrowser) -> list[str]:
    return [entry.name if isinstance(entry, GroupHead) else of.runs[entry].name for entry in of.entries]


def test_the_cursor_stays_on_its_run_when_others_come(tmp_path: Path) -> None:
    of = browser("sat-grpo-2", "sat-grpo-1")
    of.cursor = 1
    news = of.news

    moved = of.take(news._replace(runs={9: summary("sat-grpo-9"), **news.runs}))

    assert moved and of.run is not None and of.run.name == "sat-grpo-1" and of.cursor == 2


def test_a_change_that_moves_nothing_rearranges_nothing() -> None:
    of = browser("sat-grpo-2", "sat-grpo-1")
    before = of.entries

    assert not of.take(of.news._replace(runs={**of.runs, 2: summary("sat-grpo-1", step=7)}))
    assert of.entries is before and of.runs[2].step == 7


def test_a_filter_that_needs_more_is_shown_when_that_is_read() -> None:
    of = browser("sat-grpo-2", "sat-grpo-1")

    assert not of.ask(of.view._replace(filter=parse_filter("kl>0.1")))
    assert of.wanted == Wanted(frozenset({"kl"}))
    assert len(of.entries) == 2
    of.take(of.news._replace(wanted=of.wanted, values={"kl": {1: 0.5}}, names=frozenset({"kl"})))

    assert shown(of) == ["sat-grpo-2"]


def test_a_filter_with_an_unknown_name_leaves_the_list_as_it_was() -> None:
    of = browser("sat-grpo-2", "sat-grpo-1")
    of.ask(of.view._replace(filter=parse_filter("nothing>0.1")))

    with pytest.raises(QueryError, match="nothing"):
        of.take(of.news._replace(wanted=of.wanted, names=frozenset({"kl"})))

    assert len(of.entries) == 2 and of.view.filter.text == ""
    assert of.wanted == Wanted()


def test_marks_are_kept_in_order_and_go_with_their_runs() -> None:
    of = browser("sat-grpo-3", "sat-grpo-2", "sat-grpo-1")
    assert of.selected == ["sat-grpo-3"]
    for place in (2, 0):
        of.cursor = place
        of.mark()

    assert of.selected == ["sat-grpo-1", "sat-grpo-3"]
    of.mark()
    assert of.selected == ["sat-grpo-1"]
    of.take(news_of("sat-grpo-3", "sat-grpo-2"))
    assert of.selected == ["sat-grpo-3"]


def test_a_group_is_marked_and_folded_as_one() -> None:
    of = browser("sat-grpo-3", "banner-grpo-2", "sat-grpo-1")
    of.ask(of.view._replace(group="task"))
    of.cursor = shown(of).index("sat")

    of.mark()
    assert sorted(of.selected) == ["sat-grpo-1", "sat-grpo-3"]
    assert of.fold() and shown(of) == ["banner", "banner-grpo-2", "sat"]
    of.mark()
    assert of.marked == {}
    assert of.fold_all() and shown(of) == ["banner", "sat"]
    assert of.fold_all() and len(of.entries) == 5
    assert of.counts.shown == 3


def test_everything_in_sight_is_marked_at_once() -> None:
    of = browser("sat-grpo-3", "banner-grpo-2", "sat-grpo-1")
    of.ask(of.view._replace(filter=parse_filter("task:sat")))

    of.mark_all()
    assert of.selected == ["sat-grpo-3", "sat-grpo-1"]
    of.mark_all()
    assert of.marked == {}


def test_traces_are_read_again_only_for_runs_that_changed() -> None:
    of = browser("sat-grpo-2", "sat-grpo-1")
    runs = of.untraced(0, 5)
    of.take_traces(runs, {uid: Trace(last=0.5) for uid in runs})
    assert of.untraced(0, 5) == {}

    of.take(of.news._replace(runs={**of.runs, 2: summary("sat-grpo-1", step=7)}))

    assert list(of.untraced(0, 5)) == [2]
    assert "R 0.5" in text([of.line(1, 120, is_chosen=False)])


def test_view_and_cursor_come_back_through_json() -> None:
    of = browser("sat-grpo-3", "banner-grpo-2", "sat-grpo-1")
    of.ask(of.view._replace(filter=parse_filter("task:sat"), sort="name", group="method"))
    of.put_cursor_on("sat-grpo-3")
    fields = json.loads(json.dumps(of.fields()))

    other = browser("sat-grpo-3", "banner-grpo-2", "sat-grpo-1")
    other.restore(fields)

    assert other.fields() == fields
    assert other.run is not None and other.run.name == "sat-grpo-3"


def test_a_remembered_view_that_needs_more_shows_runs_meanwhile() -> None:
    of = browser("sat-grpo-2", "sat-grpo-1")

    of.restore({"filter": "kl>0.1", "sort": "kl", "cursor": "sat-grpo-1"})
    assert shown(of) == ["sat-grpo-2", "sat-grpo-1"]
    of.take(of.news._replace(wanted=of.wanted, values={"kl": {1: 0.5, 2: 0.7}}, names=frozenset({"kl"})))

    assert shown(of) == ["sat-grpo-1", "sat-grpo-2"]
    assert of.view.sort == "kl"
