"""The keys that change runs, as a part of the application: they ask, do it in a thread, and say what came of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from textual.message import Message

from rftui.runs.verbs import Question, Refusal, Verb, act, question, undo_question
from rftui.terminal.clean import one_line
from rftui.terminal.keys_in_turn import KeysInTurn
from rftui.user_keys import UserKeys
from store.layout import Home
from store.runs import RunSummary

if TYPE_CHECKING:
    from rftui.screens.launch_screen import LaunchScreen

logger = logging.getLogger(__name__)

NOTHING_SELECTED = "no run is selected here"


@runtime_checkable
class SelectsRuns(Protocol):
    """A screen that knows which runs are meant."""

    @property
    def selected_runs(self) -> list[str]:
        """Names: those marked, else the one under the cursor, else none."""


class RunControls(KeysInTurn):
    """Stop, kill, resume, clone, delete, undo and launch, for the screen in sight."""

    home: Home
    user_keys: UserKeys

    class Asked(Message):
        """What there is to ask about runs was read."""

        def __init__(self, verb: Verb, question: Question | Refusal) -> None:
            super().__init__()
            self.verb = verb
            self.question = question

    class Done(Message):
        """Something was done to one run, or failed."""

        def __init__(self, sentence: str, *, is_error: bool) -> None:
            super().__init__()
            self.sentence = sentence
            self.is_error = is_error

    def open_run(self, summary: RunSummary) -> None:
        """Shows a run."""
        raise NotImplementedError

    def open_list(self) -> None:
        """Shows the list of runs."""
        raise NotImplementedError

    @property
    def selected_runs(self) -> list[str]:
        """Runs that the screen in sight means."""
        return list(self.screen.selected_runs) if isinstance(self.screen, SelectsRuns) else []

    # ask

    def action_control(self, verb_name: str) -> None:
        """Reads the runs that are meant, and asks."""
        verb = Verb(verb_name)
        names = self.selected_runs
        if not names and verb is not Verb.UNDO:
            self.say(NOTHING_SELECTED, severity="warning")
            return
        self.hold_keys()
        self.run_worker(lambda: self._read_question(verb, names), thread=True, group="ask", exit_on_error=False)

    def _read_question(self, verb: Verb, names: Sequence[str]) -> None:
        # the supervisor's parts cost 0.1 s, which the first frame should not pay
        from rftui.runs.reads import current_runs

        try:
            asked: Question | Refusal
            if verb is Verb.UNDO:
                asked = undo_question(self.home)
            else:
                there = {summary.name: summary for summary in current_runs(self.home)}
                asked = question(verb, [there[name] for name in names if name in there])
        except Exception as error:
            # a boundary: the dashboard goes on without the question
            asked = Refusal(sentence_of(error))
        self.post_message(self.Asked(verb, asked))

    async def on_run_controls_asked(self, event: Asked) -> None:
        """Shows the dialog, or why there is none."""
        # a dialog is made seldom, and the first frame should not wait for it
        from rftui.screens.confirm_screen import ConfirmScreen

        asked, verb = event.question, event.verb
        if isinstance(asked, Refusal):
            self.say(asked.sentence, severity="warning")
        elif not isinstance(self.screen, ConfirmScreen):
            # a key that was pressed twice asks once
            self.push_screen(ConfirmScreen(asked), lambda is_wanted: self._do(verb, asked, bool(is_wanted)))
        await self.let_keys_go()

    # do

    def _do(self, verb: Verb, asked: Question, is_wanted: bool) -> None:
        if is_wanted:
            if verb is Verb.DELETE and any(self._shows_run(name) for name in asked.names):
                # nothing should read a run while it goes
                self.open_list()
            self.run_worker(lambda: self._act(verb, asked.names), thread=True, group="act", exit_on_error=False)

    def _act(self, verb: Verb, names: Sequence[str]) -> None:
        for name in names:
            try:
                sentence, is_error = act(self.home, verb, name), False
            except Exception as error:
                # a boundary: what one run refuses must not keep the others from it
                sentence, is_error = sentence_of(error), True
            self.post_message(self.Done(sentence, is_error=is_error))

    def on_run_controls_done(self, event: Done) -> None:
        """Says what came of it."""
        self.say(event.sentence, severity="error" if event.is_error else "information")

    def _shows_run(self, name: str) -> bool:
        # textual's screens import the widgets of every tab, which the application has loaded by now
        from rftui.screens.run_screen import RunScreen

        return isinstance(self.screen, RunScreen) and self.screen.summary.name == name

    def say(self, sentence: str, *, severity: str = "information") -> None:
        """A notice: plain text that goes by itself."""
        self.notify(one_line(sentence, width=400), severity=severity, markup=False)  # type: ignore[arg-type]

    # launch and clone

    def action_launch(self) -> None:
        """A form for a new run."""
        self._open_form(None)

    def action_clone(self) -> None:
        """A form with the settings of the selected run."""
        names = self.selected_runs
        if len(names) != 1:
            self.say(
                f"{len(names)} runs are marked: a clone is of one" if names else NOTHING_SELECTED, severity="warning"
            )
        else:
            self._open_form(names[0])

    def _open_form(self, clone_of: str | None) -> None:
        # pydantic and the configuration cost 0.1 s, which the first frame should not pay
        from rftui.screens.launch_screen import LaunchScreen
        from rftui.screens.run_screen import RunScreen

        self._came_from = self.screen.summary if isinstance(self.screen, RunScreen) else None
        self.switch_screen(LaunchScreen(self.home, clone_of))

    _came_from: RunSummary | None = None
    """The run whose screen the form took the place of."""

    def on_launch_screen_left(self) -> None:
        """Back to where the form was opened."""
        if self._came_from is not None:
            self.open_run(self._came_from)
        else:
            self.open_list()

    def on_launch_screen_launched(self, event: LaunchScreen.Launched) -> None:
        """Shows the new run."""
        self.say(f"{event.summary.name} is launched; it goes on when you leave")
        self.open_run(event.summary)


def sentence_of(error: Exception) -> str:
    """An error with what was found, what was expected, and the fix."""
    # the table of errors comes with the configuration: 0.1 s that only an error pays
    from rftui.cli.problems import problem_of

    problem = problem_of(error)
    if problem is None:
        logger.error("a run could not be changed", exc_info=error)
        return f"this failed in a way that nobody foresaw: {error!r}; the log has more"
    parts = [problem.error]
    parts += [f"{label} {text}" for label, text in (("found", problem.found), ("expected", problem.expected)) if text]
    return "; ".join([*parts, *([f"fix: {problem.fix}"] if problem.fix else [])])
