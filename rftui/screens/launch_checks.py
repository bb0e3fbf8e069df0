"""What the launch form reads, checks and starts in threads; answers come back as messages."""

from __future__ import annotations

import logging

from textual.message import Message
from textual.worker import get_current_worker

from rftui.cli.problems import Problem, problem_of
from rftui.forms.checks import Checked, FormChecks
from rftui.forms.launch_form import FormView, Surroundings, look_around
from rftui.screens.still_screen import StillScreen
from store.layout import Home
from store.runs import RunSummary

logger = logging.getLogger(__name__)


class LaunchChecks(StillScreen):
    """Threads of the form. `version` grows with every change of it, so that answers to older questions are known."""

    class LookedAround(Message):
        """What the form is made of was read."""

        bubble = False

        def __init__(self, surroundings: Surroundings) -> None:
            super().__init__()
            self.surroundings = surroundings

    class Answered(Message):
        """Checks have an answer."""

        bubble = False

        def __init__(self, checked: Checked, version: int) -> None:
            super().__init__()
            self.checked = checked
            self.version = version

    class Started(Message):
        """The run is there."""

        bubble = False

        def __init__(self, summary: RunSummary) -> None:
            super().__init__()
            self.summary = summary

    class Failed(Message):
        """Something of this did not come about."""

        bubble = False

        def __init__(self, problem: Problem) -> None:
            super().__init__()
            self.problem = problem

    def __init__(self, home: Home, clone_of: str | None = None) -> None:
        super().__init__()
        self.home = home
        self.clone_of = clone_of
        self.version = 0
        self._checks = FormChecks(home)

    def look_around(self) -> None:
        """Reads what the form is made of."""

        def work() -> None:
            try:
                found = look_around(self.home, self.clone_of)
            except Exception as error:
                # the form's boundary: a run whose settings cannot be read gets a message
                self.post_message(self.Failed(_problem_of(error)))
                return
            self.post_message(self.LookedAround(found))

        self.run_worker(work, thread=True, group="look", exit_on_error=False)

    def check(self, view: FormView, *, is_whole: bool) -> None:
        """Checks what stands in the form; what was asked about older settings ends."""
        version = self.version

        def work() -> None:
            worker = get_current_worker()

            def is_wanted() -> bool:
                return version == self.version and not worker.is_cancelled

            try:
                checked = self._checks.quick(view.request)
                if is_whole:
                    checked = self._checks.whole(checked, is_wanted=is_wanted)
            except Exception as error:
                # the form's boundary: whatever is wrong with a check, the form stays
                self.post_message(self.Failed(_problem_of(error)))
                return
            if is_wanted():
                self.post_message(self.Answered(checked, version))

        self.run_worker(work, thread=True, group="check", exclusive=True, exit_on_error=False)

    def start(self, checked: Checked) -> None:
        """Starts the run that was checked."""

        def work() -> None:
            try:
                summary = self._checks.launch(checked)
            except Exception as error:
                # the form's boundary: a full disk or a home that cannot be written leaves the form as it is
                self.post_message(self.Failed(_problem_of(error)))
                return
            self.post_message(self.Started(summary))

        self.run_worker(work, thread=True, group="start", exit_on_error=False)


def _problem_of(error: Exception) -> Problem:
    """What to say of any error; one that nobody foresaw is logged, too."""
    problem = problem_of(error)
    if problem is None:
        logger.error("the launch form failed", exc_info=error)
        return Problem(f"this failed in a way that nobody foresaw: {error!r}", "", "", "the log has more", 1)
    return problem
