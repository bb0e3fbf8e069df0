"""Studies as a part of the application: goes there and back, asks before anything is done, and says what came of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from textual.message import Message

from rftui.runs.controls import RunControls, sentence_of
from rftui.runs.verbs import Question, Refusal
from rftui.terminal.clean import one_line
from store.errors import StoreError
from store.runs import RunSummary, find_run, open_catalogue

if TYPE_CHECKING:
    from rftui.screens.studies_screen import StudiesScreen
    from rftui.screens.study_screen import StudyScreen
    from rftui.studies.acts import StudyAct
    from rftui.studies.grid import Key


class CameFrom(NamedTuple):
    """The cell of a study from which a run was opened."""

    study: str
    key: Key | None


class StudyControls(RunControls):
    """The list of studies, a study, and what keys do to one."""

    study_behind: CameFrom | None = None
    """Where leaving the run in sight leads; None for the list of runs."""

    class StudyRunRead(Message):
        """The run of a cell, or why it cannot be shown."""

        def __init__(self, came_from: CameFrom, found: RunSummary | str) -> None:
            super().__init__()
            self.came_from = came_from
            self.found = found

    class StudyAsked(Message):
        """What there is to ask about a study was read."""

        def __init__(self, act: StudyAct, question: Question | Refusal) -> None:
            super().__init__()
            self.act = act
            self.question = question

    class StudyDone(Message):
        """Something was done to a study, or failed."""

        def __init__(self, act: StudyAct, sentence: str, *, severity: str) -> None:
            super().__init__()
            self.act = act
            self.sentence = sentence
            self.severity = severity

    # go there and back

    def action_studies(self) -> None:
        """Shows the studies of the home."""
        # studies are looked at seldom, and the first frame should not wait for pydantic
        from rftui.screens.studies_screen import StudiesScreen

        self.study_behind = None
        self.switch_screen(StudiesScreen(self.home))

    def open_study(self, name: str, *, at: Key | None = None) -> None:
        """Shows a study, with the cursor on a cell."""
        from rftui.screens.study_screen import StudyScreen

        self.study_behind = None
        self.switch_screen(StudyScreen(self.home, name, at=at))

    def leave_run(self) -> None:
        """Back to where the run in sight was opened: a study, or the list of runs."""
        if self.study_behind is None:
            self.open_list()
        else:
            self.open_study(self.study_behind.study, at=self.study_behind.key)

    def on_studies_screen_left(self) -> None:
        """Back to the list of runs."""
        self.open_list()

    def on_studies_screen_opened(self, event: StudiesScreen.Opened) -> None:
        """A study was chosen."""
        self.open_study(event.name)

    def on_study_screen_left(self) -> None:
        """Back to the studies."""
        self.action_studies()

    def on_study_screen_opened(self, event: StudyScreen.Opened) -> None:
        """A run of a cell was chosen."""
        came_from, run = CameFrom(event.study, event.key), event.run
        self.run_worker(lambda: self._read_study_run(came_from, run), thread=True, group="run", exit_on_error=False)

    def _read_study_run(self, came_from: CameFrom, run: str) -> None:
        found: RunSummary | str
        try:
            with closing(open_catalogue(self.home)) as connection:
                found = find_run(connection, run)
        except (OSError, StoreError, sqlite3.Error) as error:
            # the boundary of the read: the run may be gone, and the grid is still there
            found = f"{one_line(run)} cannot be opened: {one_line(error)}"
        self.post_message(self.StudyRunRead(came_from, found))

    def on_study_controls_study_run_read(self, event: StudyRunRead) -> None:
        """Shows the run, or why not."""
        if isinstance(event.found, str):
            self.say(event.found, severity="warning")
            return
        self.open_run(event.found)
        self.study_behind = event.came_from

    # ask

    def on_studies_screen_wanted(self, event: StudiesScreen.Wanted) -> None:
        """One that ships is to be made."""
        from rftui.studies.acts import Kind, StudyAct

        self._ask_about(StudyAct(Kind.NEW, event.name))

    def on_study_screen_wanted(self, event: StudyScreen.Wanted) -> None:
        """Something is to be done to a study."""
        self._ask_about(event.act)

    def _ask_about(self, act: StudyAct) -> None:
        self.hold_keys()
        self.run_worker(lambda: self._read_study_question(act), thread=True, group="ask", exit_on_error=False)

    def _read_study_question(self, act: StudyAct) -> None:
        from rftui.studies.acts import question

        asked: Question | Refusal
        try:
            asked = question(self.home, act)
        except Exception as error:
            # a boundary: the dashboard goes on without the question
            asked = Refusal(sentence_of(error))
        self.post_message(self.StudyAsked(act, asked))

    async def on_study_controls_study_asked(self, event: StudyAsked) -> None:
        """Shows the dialog, or why there is none."""
        from rftui.screens.confirm_screen import ConfirmScreen

        act, asked = event.act, event.question
        if isinstance(asked, Refusal):
            self.say(asked.sentence, severity="warning")
        elif not isinstance(self.screen, ConfirmScreen):
            # a key that was pressed twice asks once
            self.push_screen(ConfirmScreen(asked), lambda is_wanted: self._do_to_study(act, bool(is_wanted)))
        await self.let_keys_go()

    # do

    def _do_to_study(self, act: StudyAct, is_wanted: bool) -> None:
        from rftui.studies.acts import Kind

        if not is_wanted:
            return
        if act.kind not in (Kind.NEW, Kind.STOP):
            self.say(f"{act.study}: checking every run in the interpreter that will train; this takes some seconds")
        self.run_worker(lambda: self._carry_out(act), thread=True, group="study", exit_on_error=False)

    def _carry_out(self, act: StudyAct) -> None:
        from rftui.studies.acts import carry_out, is_bad

        def warn(text: str) -> None:
            self.post_message(self.StudyDone(act, text, severity="warning"))

        try:
            sentence = carry_out(self.home, act, warn=warn)
            severity = "error" if is_bad(sentence) else "information"
        except Exception as error:
            # a boundary: what one study refuses must not take the dashboard down
            sentence, severity = sentence_of(error), "error"
        self.post_message(self.StudyDone(act, sentence, severity=severity))

    def on_study_controls_study_done(self, event: StudyDone) -> None:
        """Says what came of it; a study that was made is shown."""
        from rftui.screens.studies_screen import StudiesScreen
        from rftui.studies.acts import Kind

        self.say(event.sentence, severity=event.severity)
        is_made = event.act.kind is Kind.NEW and event.severity == "information"
        if is_made and isinstance(self.screen, StudiesScreen):
            self.open_study(event.act.study)
