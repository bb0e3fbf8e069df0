"""The launch form: fields, preflight live beside them, and the same as a command. Launches what the command would."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.events import Resize
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

from rftui.actions import bindings
from rftui.cli.problems import Problem
from rftui.forms.checks import Checked
from rftui.forms.fields import MORE
from rftui.forms.launch_form import FormView, LaunchForm, Row
from rftui.forms.text import Progress, counts_line, launch_question, side_lines
from rftui.runs.controls import RunControls
from rftui.runs.verbs import Question
from rftui.screens.confirm_screen import ConfirmScreen
from rftui.screens.launch_checks import LaunchChecks
from rftui.terminal.spans import Role, Span
from rftui.widgets.form_rows import FormRows
from rftui.widgets.form_side import FormSide
from rftui.widgets.key_line import KeyLine
from rftui.widgets.line_list import LineList
from rftui.widgets.span_view import SpanLines
from store.layout import Home
from store.runs import RunSummary

NARROW = 110
"""Below so many columns preflight stands under the fields."""
REST_S = 0.4
"""Without a letter for so long the quick checks begin."""
LONG_REST_S = 1.0
"""And after so much more the interpreter is asked, which takes some seconds of a core."""
ASKING = "asking the interpreter that will train (some seconds)"
LAUNCHING = "checking; launches when nothing is wrong (esc calls it off)"


class LaunchScreen(LaunchChecks):
    """A form for a new run, or for a clone of one."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("launch")
    DEFAULT_CSS = """
    LaunchScreen {
        #head { height: 1; padding: 0 1; }
        #filter { display: none; border: none; height: 1; padding: 0 1; }
        &.filtering #filter { display: block; }
        #body { height: 1fr; layout: horizontal; }
        FormRows { width: 3fr; }
        #side { width: 2fr; height: 1fr; border-left: solid $panel; padding: 0 1; }
        &.narrow #body { layout: vertical; }
        &.narrow FormRows { width: 1fr; height: 3fr; }
        &.narrow #side { width: 1fr; height: 2fr; border-left: none; border-top: solid $panel; }
        &.alone FormRows { display: none; }
        &.alone #side { border: none; }
    }
    """

    class Left(Message):
        """The user wants back to where the form was opened."""

    class Launched(Message):
        """A run was started."""

        def __init__(self, summary: RunSummary) -> None:
            super().__init__()
            self.summary = summary

    def __init__(self, home: Home, clone_of: str | None = None) -> None:
        super().__init__(home, clone_of)
        self.progress = Progress(None, "reading what this machine has")
        self.is_launching = False
        """Whether the run starts as soon as the checks allow it; a change calls that off."""
        self.is_starting = False
        self._asked_version = -1
        """What the interpreter is being asked about."""
        self.form: LaunchForm | None = None
        self.view: FormView | None = None
        self._rest: Timer | None = None
        self.rows = FormRows()
        self.side = FormSide()
        self.head = SpanLines(id="head")
        self._filter = Input(id="filter", placeholder="words of a setting's name, meaning or value", compact=True)

    def compose(self) -> ComposeResult:
        """Head, filter, fields, what stands beside them, keys."""
        self._filter.cursor_blink = False
        yield self.head
        yield self._filter
        with Container(id="body"):
            yield self.rows
            yield self.side
        yield KeyLine(id="keys", is_read_only=self.home.is_read_only)

    def on_mount(self) -> None:
        """Reads what the form is made of."""
        self.head.show([(Span("launch", Role.STRONG), Span(f"  {self.progress.doing}", Role.MUTED))])
        self.rows.focus()
        if isinstance(self.app, RunControls):
            # keys that were typed ahead mean the fields
            self.app.hold_keys()
        self.look_around()

    def on_resize(self, event: Resize) -> None:
        """Arranges the two parts for the width."""
        self.set_class(event.size.width < NARROW, "narrow")
        self.call_after_refresh(self._show_text)

    def on_form_rows_writing_changed(self) -> None:
        """Other keys work."""
        self.refresh_bindings()

    # what is read and checked

    async def on_launch_checks_looked_around(self, event: LaunchChecks.LookedAround) -> None:
        """Shows the fields."""
        self.form = LaunchForm(event.surroundings)
        self.progress = Progress(None)
        self._changed()
        await self._let_keys_go()

    async def _let_keys_go(self) -> None:
        if isinstance(self.app, RunControls):
            await self.app.let_keys_go()

    def _changed(self) -> None:
        """Something else stands in the form: it is shown at once, and checked when the typing rests."""
        if self.form is None:
            return
        self.version += 1
        self.is_launching = False
        self.view = self.form.view()
        self.progress = Progress(None)
        self._show()
        self._wait(REST_S, self._check_quickly)

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(seconds, then)

    def _check_quickly(self) -> None:
        if self.view is not None and not self.view.problems and not self.is_launching:
            self.check(self.view, is_whole=False)

    def _check_whole(self) -> None:
        """Asks the interpreter, too; a question about the same settings that is under way is waited for."""
        if self.view is not None and self._asked_version != self.version:
            self._asked_version = self.version
            self.progress = self.progress._replace(doing=ASKING)
            self._show_text()
            self.check(self.view, is_whole=True)

    def on_launch_checks_answered(self, event: LaunchChecks.Answered) -> None:
        """Shows what the checks found; goes on with a launch that waited for it."""
        if event.version != self.version or self.is_starting:
            return
        is_asked = self._asked_version == self.version
        if event.checked.is_whole:
            # an error may be mended outside, so the same settings may be asked about again
            self._asked_version = -1
            self.progress = Progress(event.checked)
            if self.is_launching:
                self._go_on(event.checked)
        else:
            doing = LAUNCHING if self.is_launching else ASKING if is_asked else ""
            self.progress = Progress(event.checked, doing)
            if not is_asked:
                self._wait(LONG_REST_S, self._check_whole)
        self._show_text()

    # what is shown

    def _show(self) -> None:
        if self.view is not None:
            words = self._filter.value.lower().split()
            self.rows.show_rows([row for row in self.view.rows if _holds(row, words)])
        self._show_text()

    def _show_text(self, *, from_top: bool = False) -> None:
        """The head and what stands beside the fields."""
        if self.view is None or self.form is None:
            if self.progress.problem is not None:
                problem = self.progress.problem
                self.head.show([(Span("✗ ", Role.WRONG), Span(f"{problem.error}  {problem.fix}"))])
            return
        width = max(10, self.head.size.width)
        self.head.show([counts_line(self.view, self.progress, clone_of=self.clone_of, width=width)])
        gpus = self.form.surroundings.gpus
        width = max(20, self.side.size.width)
        lines = side_lines(self.rows.row, self.view, self.progress, gpus=gpus, width=width)
        self.side.show(lines, from_top=from_top)

    def on_line_list_moved(self, event: LineList.Moved) -> None:
        """Another field is in hand."""
        self._show_text(from_top=True)

    # what is written

    def on_form_rows_written(self, event: FormRows.Written) -> None:
        """A field has another text."""
        self._take_written(event.key, event.text, is_done=event.is_done)

    def _take_written(self, key: str, text: str, *, is_done: bool) -> None:
        if self.form is None:
            return
        if key == MORE:
            if is_done and text:
                self._add(text)
            return
        before = self.form.entries.get(key)
        self.form.write(key, text)
        if self.form.entries.get(key) != before:
            self._changed()
        elif is_done:
            self._show()

    def _add(self, assignment: str) -> None:
        assert self.form is not None, "fields are there"
        problem = self.form.add(assignment)
        if problem is not None:
            says = Problem(problem.message, problem.found, problem.expected, problem.fix, 2)
            self.progress = self.progress._replace(problem=says)
            self._show_text()
            return
        self._changed()

    def on_form_rows_turned(self, event: FormRows.Turned) -> None:
        """The next choice of a field that has some."""
        row = self.rows.row
        if self.form is None or row is None or row.field.is_fixed or not row.field.choices or row.field.is_list:
            return
        choices = row.field.choices
        place = choices.index(row.text) + event.by if row.text in choices else 0
        self.form.write(row.field.key, choices[place % len(choices)])
        self._changed()

    def on_form_rows_cleared(self) -> None:
        """What was written into a field is taken back."""
        row = self.rows.row
        if self.form is not None and row is not None and row.field.key in self.form.entries:
            self.form.write(row.field.key, "")
            self._changed()

    # keys

    def action_filter(self) -> None:
        """Opens the line of the filter."""
        self.add_class("filtering")
        # at once: what is typed ahead belongs into the filter
        self.set_focus(self._filter)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another letter of the filter; the cursor goes to a field that is called so rather than told of so."""
        self._show()
        words = event.value.lower().split()
        called = [row.field.key for row in self.rows.rows if all(word in row.field.key for word in words)]
        if words and called:
            self.rows.seek(called[0])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The filter stays, and the keyboard goes back to the fields."""
        self.rows.focus()

    def action_copy(self) -> None:
        """Copies the command."""
        if self.view is not None:
            self.app.copy_to_clipboard(self.view.command)
            self.notify("the command is copied", markup=False, timeout=3)

    def action_alone(self) -> None:
        """Preflight and command in the place of the fields."""
        self.toggle_class("alone")
        self.call_after_refresh(self._show_text)

    def action_side(self, pages: int) -> None:
        """Scrolls what stands beside the fields."""
        self.side.page(pages)

    def action_leave(self) -> None:
        """Calls a launch off, or ends the filter, or leaves; asks first where something would be lost."""
        if self.is_launching:
            self.is_launching = False
            self.progress = self.progress._replace(doing="called off")
            self._show_text()
        elif self.has_class("filtering"):
            self._filter.value = ""
            self.remove_class("filtering")
            self.rows.focus()
        elif self.has_class("alone"):
            self.action_alone()
        elif self.form is not None and self.form.entries:
            count = len(self.form.entries)
            question = Question(
                title="Leave the form?",
                lines=(),
                sentence=f"{count} setting{'s' if count != 1 else ''} that you wrote would be lost.",
                command="",
                yes="leave",
                is_default_yes=False,
            )
            self.app.push_screen(ConfirmScreen(question), self._leave)
        else:
            self._leave(True)

    def _leave(self, is_wanted: bool | None) -> None:
        if is_wanted:
            self.version += 1
            self.post_message(self.Left())

    # the launch

    def action_launch(self) -> None:
        """Checks everything and launches; errors refuse, warnings ask."""
        if self.is_launching or self.is_starting or self.view is None:
            return
        if self.rows.editor is not None and self.rows.row is not None:
            # what is being written counts, and its message would come after this
            key, text = self.rows.row.field.key, self.rows.editor.text
            self.rows.finish()
            self._take_written(key, text, is_done=True)
        if self.view.problems:
            first = self.view.problems[0]
            self._refuse(Problem(first.message, first.found, first.expected, first.fix, 2))
            return
        self.is_launching = True
        self._check_whole()
        self.progress = self.progress._replace(doing=LAUNCHING)
        self._show_text()

    def _refuse(self, problem: Problem) -> None:
        self.is_launching = self.is_starting = False
        self._asked_version = -1
        self.progress = self.progress._replace(doing="", problem=problem)
        self._show_text(from_top=True)
        self.notify(Text(f"not launched: {problem.error}").plain, severity="error", markup=False)

    def _go_on(self, checked: Checked) -> None:
        """After the checks of a launch."""
        if checked.errors:
            first = checked.errors[0]
            others = f" (and {len(checked.errors) - 1} more)" if len(checked.errors) > 1 else ""
            says = f"preflight stopped the launch: {first.check}{others}"
            self._refuse(Problem(says, first.found, first.expected, first.fix, 2))
        elif self.form is not None:
            question = launch_question(self.form, [finding.found for finding in checked.warnings])
            self.app.push_screen(ConfirmScreen(question), lambda is_wanted: self._start(checked, bool(is_wanted)))

    def _start(self, checked: Checked, is_wanted: bool) -> None:
        self.is_launching = False
        if not is_wanted or self.is_starting:
            return
        self.is_starting = True
        self.progress = Progress(checked, "starting the run")
        self._show_text()
        self.start(checked)

    def on_launch_checks_started(self, event: LaunchChecks.Started) -> None:
        """The application shows the run."""
        self.post_message(self.Launched(event.summary))

    async def on_launch_checks_failed(self, event: LaunchChecks.Failed) -> None:
        """Says why, and stays."""
        self._refuse(event.problem)
        await self._let_keys_go()


def _holds(row: Row, words: list[str]) -> bool:
    """Whether every word stands in name, part, meaning or value."""
    text = f"{row.field.key} {row.field.group.value} {row.field.help} {row.text}".lower()
    return all(word in text for word in words)
