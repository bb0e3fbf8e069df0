"""The one table of keys: bindings, footer, help and palette are made from it, so that none of them can be wrong."""

from __future__ import annotations

from typing import NamedTuple

from textual.binding import Binding, BindingType


class Action(NamedTuple):
    """What keys do at one place."""

    id: str
    """Place and name, `curves.zoom_in`; users rebind by it."""
    keys: str
    """Textual's names, with commas between."""
    action: str
    """The method after `action_`, or `app.` and one of the application."""
    description: str
    tooltip: str
    is_shown: bool = False
    """Whether the footer names it."""
    is_change: bool = False
    """Whether it changes a run or what people say of it: `rftui --read-only` refuses it."""
    is_first: bool = False
    """Whether it works in every dialog and line of input, before the keys of those."""

    @property
    def place(self) -> str:
        """Where the keys work."""
        return self.id.partition(".")[0]


PLACES = {
    "app": "everywhere",
    "list": "list of runs",
    "run": "a run",
    "control": "what changes a run",
    "confirm": "a question",
    "launch": "launch form",
    "field": "fields of the launch form",
    "typing": "a field being written",
    "curves": "curves",
    "alerts": "curves of one run",
    "rollouts": "rollouts",
    "evals": "evaluations",
    "logs": "logs",
    "system": "system",
    "text": "text beside a list",
    "compare": "several runs",
    "studies": "list of studies",
    "study": "a study",
    "choice": "a choice",
    "overlay": "curves of several runs",
    "differences": "settings of several runs",
    "tests": "evaluations of several runs",
    "pairs": "rollouts of several runs",
    "rows": "a list of rows",
    "group": "completions of a group",
    "lines": "logs, settings and overview",
    "found": "lines that were found",
    "search": "search",
    "help": "this help",
}
"""Places in the order of the help, with their names there."""

FAR = 10**9
"""Rows that no list has."""
ROLLOUT_QUERY = '"red circle" reward<1.5 step:20..60 clipped:no -malformed:any'
"""An example of what can be asked for."""
RUN_FILTER = "task:sat state:running lr>=1e-6 reward>0.5 tag:best words -state:failed"
"""An example of a filter of the list of runs."""

RUN_TABS = ("Curves", "Rollouts", "Evals", "Logs", "System", "Config", "Overview")
"""Tabs of a run, by their digit."""
COMPARE_TABS = ("Curves", "Settings", "Evaluations", "Rollouts")
"""Tabs of a comparison, by their digit."""

ACTIONS = (
    Action("app.help", "question_mark", "app.help", "help", "Every key that works here", True),
    Action("app.palette", "colon,ctrl+p", "app.command_palette", "palette", "Find what works here by name", True),
    Action("app.last_run", "apostrophe", "app.last_run", "last run", "The run that was looked at last, at its tab"),
    Action("app.quit", "q,ctrl+q", "app.quit", "quit", "Leave; no run is touched, all go on", True),
    Action("app.interrupt", "ctrl+c", "app.interrupt", "leave", "Copy what is selected; twice: leave", is_first=True),
    Action("app.suspend", "ctrl+z", "app.suspend_process", "suspend", "Back to the shell; fg returns", is_first=True),
    Action("list.open", "enter", "open", "open", "Everything about this run; fold or unfold a group", True),
    Action("list.mark", "space", "mark", "mark", "Mark this run, or a group, and go to the next", True),
    Action("list.compare", "c", "compare", "compare", "The marked runs side by side, or this one and the pin", True),
    Action("list.filter", "slash", "ask('filter')", "filter", f"Show some runs, as in {RUN_FILTER}", True),
    Action("list.sort", "s", "sort", "sort", "Sort by the next column", True),
    Action("list.reverse", "v", "reverse", "reverse", "Turn the order round"),
    Action("list.metric", "m", "metric", "by metric", "Sort by any metric or setting, by its name"),
    Action("list.group", "b", "group", "group", "Group by task, method or study", True),
    Action("list.fold", "x", "fold", "fold", "Fold or unfold the group of this row"),
    Action("list.fold_all", "z", "fold_all", "fold all", "Fold or unfold all groups"),
    Action("list.mark_all", "a", "mark_all", "mark all", "Mark every run that is shown, or none"),
    Action(
        "list.pin",
        "p",
        "pin",
        "pin",
        "Pin this run as the baseline: vs base is the difference in points over the same held-out examples",
        True,
        is_change=True,
    ),
    Action("list.star", "f,asterisk", "star", "star", "Star the marked runs or this one", is_change=True),
    Action("list.tags", "t", "ask('tags')", "tag", "Edit the tags of marked runs or this one", True, is_change=True),
    Action("list.note", "n", "ask('note')", "note", "Edit the last note; + in front adds one", True, is_change=True),
    Action("list.refresh", "r", "refresh", "refresh", "Read the store again"),
    Action("list.studies", "e", "app.studies", "studies", "Studies: grids of tasks, ways to train and seeds", True),
    Action("list.back", "escape", "back", "back", "Leave the line, then the filter, then the marks"),
    Action("list.down", "down,j", "move(1)", "next run", "Go to the next run"),
    Action("list.up", "up,k", "move(-1)", "previous run", "Go to the previous run"),
    Action("list.page_down", "pagedown", "page(1)", "page down", "One page of runs down"),
    Action("list.page_up", "pageup", "page(-1)", "page up", "One page of runs up"),
    Action("list.first", "home,g", f"move(-{FAR})", "first", "To the first run"),
    Action("list.last", "end,G", f"move({FAR})", "last", "To the last run"),
    Action("run.back", "escape", "back", "back", "Back to the list", True),
    *[
        Action(f"run.tab{n}", str(n), f"tab({n})", title, f"Show the tab {title}")
        for n, title in enumerate(RUN_TABS, start=1)
    ],
    Action("control.launch", "L", "app.launch", "launch", "Launch a run from a form", True, is_change=True),
    Action(
        "control.stop", "S", "app.control('stop')", "stop", "Ask to save at the next step and end", True, is_change=True
    ),
    Action("control.kill", "K", "app.control('kill')", "kill", "End at once, without saving", True, is_change=True),
    Action(
        "control.resume", "R", "app.control('resume')", "resume", "Go on where it was saved last", True, is_change=True
    ),
    Action("control.clone", "C", "app.clone", "clone", "A form with this run's settings", True, is_change=True),
    Action("control.delete", "D", "app.control('delete')", "delete", "Into the trash", True, is_change=True),
    Action("control.undo", "U", "app.control('undo')", "undo delete", "The last deleted run back", is_change=True),
    Action("confirm.yes", "y", "yes", "yes", "Do it"),
    Action("confirm.no", "escape,n", "no", "cancel", "Do nothing"),
    Action("confirm.other", "left,right,h,l,tab,shift+tab", "other", "other answer", "Go to the other answer"),
    Action("launch.launch", "ctrl+s,L", "launch", "launch", "Check everything and launch", True),
    Action("launch.help", "question_mark", "app.help", "help", "Every key that works here", True),
    Action("launch.filter", "slash", "filter", "filter", "Show the fields that hold these words", True),
    Action("launch.copy", "y", "copy", "copy", "Copy the command that does the same", True),
    Action("launch.alone", "z", "alone", "checks", "Checks and command alone, and the fields again", True),
    Action("launch.side_down", "shift+down,right_curly_bracket", "side(1)", "checks down", "Checks and command down"),
    Action("launch.side_up", "shift+up,left_curly_bracket", "side(-1)", "checks up", "Checks and command up"),
    Action(
        "launch.leave", "escape,q", "leave", "leave", "End the filter, else leave; asks where something is lost", True
    ),
    Action("field.edit", "enter", "choose", "write", "Write into this field", True),
    Action("field.next", "tab", "move(1)", "next field", "The next field"),
    Action("field.before", "shift+tab", "move(-1)", "field before", "The field before"),
    Action("field.next_choice", "right,l,space", "turn(1)", "next choice", "The next of a few choices"),
    Action("field.last_choice", "left,h", "turn(-1)", "choice before", "The choice before"),
    Action("field.first", "home", f"move(-{FAR})", "first", "To the first field"),
    Action("field.last", "end", f"move({FAR})", "last", "To the last field, which takes any other setting"),
    Action("field.clear", "delete,backspace", "clear", "take back", "Take back what was written into this field"),
    Action("field.next_group", "right_square_bracket", "group(1)", "next part", "The next part of the form"),
    Action("field.last_group", "left_square_bracket", "group(-1)", "part before", "The part of the form before"),
    Action("typing.enter", "enter", "accept(0)", "keep", "Keep what is written", True),
    Action("typing.next", "tab,down", "accept(1)", "next field", "Keep it, and write into the next field", True),
    Action("typing.before", "shift+tab,up", "accept(-1)", "field before", "Keep it, and write into the field before"),
    Action("typing.leave", "escape", "discard", "discard", "Leave the field as it was", True),
    Action("typing.left", "left", "caret('left')", "left", "Back by one letter"),
    Action("typing.right", "right", "caret('right')", "right", "On by one letter; at the end, take what is proposed"),
    Action("typing.word_left", "ctrl+left", "caret('word_left')", "word left", "Back by a word"),
    Action("typing.word_right", "ctrl+right", "caret('word_right')", "word right", "On by a word"),
    Action("typing.start", "home,ctrl+a", "caret('start')", "start", "To the start of the line"),
    Action("typing.end", "end,ctrl+e", "caret('end')", "end", "To the end of the line"),
    Action("typing.erase", "backspace", "erase('left')", "erase", "Erase the letter before"),
    Action("typing.erase_right", "delete,ctrl+d", "erase('right')", "erase on", "Erase the letter under the caret"),
    Action("typing.erase_word", "ctrl+w", "erase('word_left')", "erase word", "Erase the word before"),
    Action("typing.erase_start", "ctrl+u", "erase('start')", "erase back", "Erase all before the caret"),
    Action("typing.erase_end", "ctrl+k", "erase('end')", "erase rest", "Erase all behind the caret"),
    Action("curves.left", "left,h", "cursor(-1)", "cursor left", "Move the cursor of all charts to the left"),
    Action("curves.right", "right,l", "cursor(1)", "cursor right", "Move the cursor of all charts to the right"),
    Action("curves.far_left", "shift+left", "cursor(-10)", "ten left", "Move the cursor ten columns to the left"),
    Action("curves.far_right", "shift+right", "cursor(10)", "ten right", "Move the cursor ten columns to the right"),
    Action("curves.first", "home,g", "cursor(-1000000)", "first step", "Put the cursor on the first step"),
    Action("curves.last", "end,G", "cursor(1000000)", "last step", "Put the cursor on the last step"),
    Action("curves.choose", "enter", "choose", "step", "Open the step under the cursor", True),
    Action("curves.previous", "up,k", "chart(-1)", "chart before", "Choose the chart before"),
    Action("curves.next", "down,j", "chart(1)", "next chart", "Choose the next chart"),
    Action("curves.page_up", "pageup,left_square_bracket", "page(-1)", "page before", "Show the charts before"),
    Action("curves.page_down", "pagedown,right_square_bracket", "page(1)", "next page", "Show the charts after"),
    Action("curves.alone", "z", "alone", "one", "Show the chosen chart alone, and all again", True),
    Action("curves.all", "escape", "all", "all charts", "Show all charts again where one is alone", True),
    Action("curves.zoom_in", "plus,equals_sign", "zoom(0.5)", "zoom in", "Show half the range around the cursor"),
    Action("curves.zoom_out", "minus", "zoom(2)", "zoom out", "Show twice the range around the cursor"),
    Action("curves.whole", "0", "whole", "whole range", "Show the whole range and follow it"),
    Action("curves.pan_left", "comma,less_than_sign", "pan(-0.25)", "pan left", "Move the range a quarter to the left"),
    Action(
        "curves.pan_right", "full_stop,greater_than_sign", "pan(0.25)", "pan right", "Move the range a quarter right"
    ),
    Action("curves.axis", "x", "axis", "axis", "Steps, relative time, wall clock, epochs or tokens", True),
    Action("curves.smooth", "s", "smooth", "smooth", "Smooth the curves, or show them as they are", True),
    Action("curves.strength", "w", "strength", "strength", "Smooth more, and little again after the most"),
    Action("curves.log", "o", "log", "log", "Logarithmic values, and linear again", True),
    Action("curves.search", "slash", "search", "metric", "Find a metric and add its chart", True),
    Action("alerts.next", "a", "alert", "alarm", "Go to the next alarm of the run, and read its evidence"),
    Action("rollouts.step_back", "left,h", "step(-1)", "step before", "The step before", True),
    Action("rollouts.step_on", "right,l", "step(1)", "next step", "The next step", True),
    Action("rollouts.first_step", "home", "first_step", "first", "The first step"),
    Action("rollouts.newest_step", "end", "newest_step", "newest", "Follow the newest step"),
    Action("rollouts.ask_step", "number_sign", "ask('step')", "go to", "Go to a step by its number", True),
    Action("rollouts.next", "n", "group(1)", "next", "The next group, or the next that was found", True),
    Action("rollouts.previous", "p,N", "group(-1)", "prev", "The group before", True),
    Action("rollouts.find", "slash,f", "ask('query')", "find", f"Find, as in {ROLLOUT_QUERY}", True),
    Action("rollouts.sort", "s", "sort", "sort", "Sort by the next value", True),
    Action("rollouts.reverse", "r", "reverse", "reverse", "Turn the order round"),
    Action("rollouts.unfold", "e", "open_all(True)", "unfold", "Unfold all reasoning", True),
    Action("rollouts.fold", "x", "open_all(False)", "fold", "Fold all reasoning", True),
    Action("rollouts.history", "t", "history", "over steps", "Every step that this prompt came at", True),
    Action("rollouts.image", "i", "image", "image", "The image large, in pixels where the terminal has them", True),
    Action("rollouts.next_image", "I", "next_image", "next image", "The next of several images"),
    Action("rollouts.markdown", "m", "markdown", "markdown", "Read the current completion as Markdown, or as it came"),
    Action(
        "rollouts.compare", "d", "compare", "word diff", "Word diff of others against this completion; again ends it"
    ),
    Action(
        "rollouts.bookmark", "b", "bookmark", "bookmark", "Mark the completion, or take the mark away", is_change=True
    ),
    Action("rollouts.bookmarks", "B", "bookmarks", "bookmarks", "Every marked completion of the run"),
    Action("rollouts.copy", "y", "copy", "copy", "Copy the current completion", True),
    Action("rollouts.back", "escape", "back", "back", "Close what is open, end the search", True),
    Action("compare.back", "escape", "back", "back", "Back to the list", True),
    *[
        Action(f"compare.tab{n}", str(n), f"tab({n})", title, f"Show the tab {title}")
        for n, title in enumerate(COMPARE_TABS, start=1)
    ],
    Action("overlay.band", "b", "band", "seeds", "Mean and band over seeds, or every run by itself", True),
    Action("differences.all", "a", "all", "all", "All settings, or those that differ", True),
    Action("differences.left", "left,h", "columns(-1)", "runs before", "Runs further to the left", True),
    Action("differences.right", "right,l", "columns(1)", "next runs", "Runs further to the right", True),
    Action("tests.baseline", "p", "baseline", "baseline", "Test against the next run", True),
    Action("tests.pairs", "m", "pairs", "pairs", "Test every pair, or every run against one", True),
    Action("pairs.back_step", "left,h", "step(-1)", "step before", "The time before that the prompt was met", True),
    Action("pairs.on_step", "right,l", "step(1)", "next step", "The next time that the prompt was met", True),
    Action("pairs.next", "n", "prompt(1)", "next", "The next prompt", True),
    Action("pairs.previous", "p", "prompt(-1)", "prev", "The prompt before"),
    Action("pairs.mode", "v", "mode", "held out", "Training rollouts, or held-out answers", True),
    Action("pairs.run", "c", "run", "run", "Another run in this column"),
    Action("pairs.sort", "s", "sort", "sort", "Another order of prompts", True),
    Action(
        "pairs.filter", "f", "filter", "which answers", "Held-out answers: right here and wrong there, and others", True
    ),
    Action("pairs.way", "w", "way", "prompt style", "Held-out answers: think, direct, or one against the other"),
    Action("pairs.unfold", "e", "open_all(True)", "unfold", "Unfold all reasoning"),
    Action("pairs.fold", "x", "open_all(False)", "fold", "Fold all reasoning"),
    Action("pairs.image", "i", "image", "image", "The image as large as the view"),
    Action("pairs.back", "escape", "back", "back", "Close the image, back to the list of prompts", True),
    Action("studies.open", "enter", "open_study", "open", "The grid of this study; one that ships is made first", True),
    Action("studies.refresh", "r", "refresh", "refresh", "Read the studies again"),
    Action("studies.back", "escape", "back", "back", "Back to the list of runs", True),
    Action(
        "study.choose",
        "enter",
        "choose",
        "open or start",
        "Open a run of this cell; launch what is missing, try again what failed",
        True,
    ),
    Action("study.open", "o", "open_run", "open run", "Open a run of this cell, whatever became of it", True),
    Action("study.run", "R", "run_study", "run", "Start all that is missing or ended early", True, is_change=True),
    Action("study.stop", "S", "stop_study", "stop", "End all that runs or waits", True, is_change=True),
    Action("study.extend", "E", "extend_study", "extend", "More seeds, and their runs", True, is_change=True),
    Action("study.retry", "T", "retry_study", "retry", "Start everything that failed again", True, is_change=True),
    Action("study.copy", "y", "copy", "copy", "Copy the table as Markdown", True),
    Action("study.about", "i", "about", "about", "What must be known to read the numbers, and what papers print", True),
    Action("study.filter", "slash", "ask('filter')", "filter", "Rows that hold words: sat failed target=24", True),
    Action("study.sort", "s", "sort", "sort", "Sort rows by accuracy or gain by <think> in the cursor's column", True),
    Action("study.reverse", "v", "reverse", "reverse", "Turn the order round"),
    Action("study.compact", "z", "compact", "one line", "A line a row, or a block"),
    Action("study.decoding", "d", "decoding", "decoding", "Greedy answers, or sampled ones, where there are both"),
    Action("study.refresh", "r", "refresh", "refresh", "Read everything again"),
    Action("study.left", "left,h", "move(0, -1)", "left", "The way to train before"),
    Action("study.right", "right,l", "move(0, 1)", "right", "The next way to train"),
    Action("study.down", "down,j", "move(1, 0)", "down", "The next row"),
    Action("study.up", "up,k", "move(-1, 0)", "up", "The row before"),
    Action("study.page_down", "pagedown", "page(1)", "page down", "One page of rows down"),
    Action("study.page_up", "pageup", "page(-1)", "page up", "One page of rows up"),
    Action("study.first", "g,home", f"move(-{FAR}, 0)", "first", "To the first row"),
    Action("study.last", "G,end", f"move({FAR}, 0)", "last", "To the last row"),
    Action("study.back", "escape", "back", "back", "Leave the line, then the filter, then the study", True),
    Action("choice.leave", "escape,q", "leave", "leave", "Choose nothing"),
    Action("rows.down", "down,j", "move(1)", "down", "The next row"),
    Action("rows.up", "up,k", "move(-1)", "up", "The row before"),
    Action("rows.page_down", "pagedown", "page(1)", "page down", "One page of rows down"),
    Action("rows.page_up", "pageup", "page(-1)", "page up", "One page of rows up"),
    Action("rows.first", "g", f"move(-{FAR})", "first", "To the first row"),
    Action("rows.last", "G", f"move({FAR})", "last", "To the last row"),
    Action("rows.choose", "enter", "choose", "choose", "Choose this row"),
    Action("group.down", "down,j", "move(1)", "down", "Next completion, or further in a long one"),
    Action("group.up", "up,k", "move(-1)", "up", "Completion before, or back in a long one"),
    Action("group.page_down", "pagedown", "page(1)", "page down", "One page of completions down"),
    Action("group.page_up", "pageup", "page(-1)", "page up", "One page of completions up"),
    Action("group.first", "g", "edge(0)", "first", "To the first completion"),
    Action("group.last", "G", "edge(-1)", "last", "To the last completion"),
    Action("group.fold", "enter,space", "fold", "fold", "Fold or unfold this completion"),
    Action("evals.answers", "w", "answers", "wrong answers", "The wrong answers of this evaluation, as enter", True),
    Action("evals.next", "n", "answer(1)", "next", "The next answer", True),
    Action("evals.previous", "p,N", "answer(-1)", "prev", "The answer before", True),
    Action(
        "evals.filter",
        "f",
        "filter",
        "which answers",
        "Wrong, what thinking broke or mended, unparsed, clipped, all",
        True,
    ),
    Action(
        "evals.flips",
        "x",
        "flips",
        "flips",
        "What thinking broke, then what it mended: both answers side by side",
        True,
    ),
    Action("evals.kind", "t", "kind", "type", "One question type after the other, and all", True),
    Action("evals.image", "i", "image", "image", "The image as large as the view", True),
    Action("evals.copy", "y", "copy", "copy", "Copy the completion", True),
    Action("evals.left", "left,h", "columns(-1)", "answers left", "Answers further left in the table"),
    Action("evals.right", "right,l", "columns(1)", "answers right", "Answers further right in the table"),
    Action("evals.page_down", "right_square_bracket", "page(1)", "text down", "A page down in the text beside", True),
    Action("evals.page_up", "left_square_bracket", "page(-1)", "text up", "A page up in the text beside"),
    Action("evals.back", "escape", "back", "back", "Close what is open: image, answer, list of answers", True),
    Action("logs.traceback", "t", "traceback(1)", "traceback", "The first traceback, then the next", True),
    Action("logs.traceback_before", "T", "traceback(-1)", "traceback before", "The traceback before"),
    Action("system.window", "w", "window", "window", "The whole run, its last hour, its last ten minutes", True),
    Action("system.page_up", "pageup,left_square_bracket,k,up", "page(-1)", "page before", "Show the charts before"),
    Action("system.page_down", "pagedown,right_square_bracket,j,down", "page(1)", "next page", "Show the charts after"),
    Action("text.down", "down,j", "scroll_by(1)", "line down", "One line down"),
    Action("text.up", "up,k", "scroll_by(-1)", "line up", "One line up"),
    Action("text.page_down", "pagedown,space", "page(1)", "page down", "One page down"),
    Action("text.page_up", "pageup", "page(-1)", "page up", "One page up"),
    Action("text.first", "g,home", "edge(False)", "top", "To the first line"),
    Action("text.last", "G,end", "edge(True)", "bottom", "To the last line"),
    Action("lines.down", "j,down", "scroll(1)", "line down", "One line down"),
    Action("lines.up", "k,up", "scroll(-1)", "line up", "One line up"),
    Action("lines.page_down", "pagedown,space", "page(1)", "page down", "One page down"),
    Action("lines.page_up", "pageup", "page(-1)", "page up", "One page up"),
    Action("lines.right", "right,l", "sideways(1)", "rest of long lines", "Half a width further in long lines", True),
    Action("lines.left", "left,h", "sideways(-1)", "back in long lines", "Half a width back in long lines"),
    Action("lines.first", "g,home", "top", "top", "To the first line"),
    Action("lines.last", "G,end", "bottom", "last line", "To the last line, and follow what comes", True),
    Action("lines.search", "slash", "search", "search", "Mark the lines that hold a text", True),
    Action("lines.next_match", "n", "match(1)", "next match", "Go to the next line found", True),
    Action("lines.previous_match", "N", "match(-1)", "match before", "Go to the line found before"),
    Action("found.leave", "escape", "leave_search", "end search", "Mark nothing any more", True),
    Action("search.leave", "escape", "leave", "leave", "Leave the search as it was"),
    Action("search.down", "down", "move(1)", "next", "Choose the next name"),
    Action("search.up", "up", "move(-1)", "before", "Choose the name before"),
    Action("help.close", "escape,question_mark,q", "dismiss", "close", "Close the help", True),
    Action("help.down", "down,j", "scroll(1)", "down", "One line down"),
    Action("help.up", "up,k", "scroll(-1)", "up", "One line up"),
    Action("help.page_down", "pagedown,space", "page(1)", "page down", "One page down"),
    Action("help.page_up", "pageup", "page(-1)", "page up", "One page up"),
)
BY_ID = {action.id: action for action in ACTIONS}
"""Every action by its id."""

CHANGES = frozenset(action.action for action in ACTIONS if action.is_change)
"""What keys that change a run do, as bindings say it."""


def bindings(*places: str) -> list[BindingType]:
    """The bindings of places, for a BINDINGS of Textual: help first, which a narrow footer must still name."""
    return [
        Binding(
            action.keys,
            action.action,
            action.description,
            show=action.is_shown,
            id=action.id,
            tooltip=action.tooltip,
            priority=action.is_first,
        )
        for action in ACTIONS
        if action.place in places
    ]
