"""Where somebody is among the rollouts of several runs: columns, steps, prompts or held-out answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rftui.comparing.answers import AnswerFilter, SharedAnswer, Way, chosen
from rftui.comparing.comparison import Contrast
from rftui.comparing.prompts import PromptOrder, SharedPrompt, occurrence_near, ordered
from rftui.comparing.rollout_reads import PairsPage, Wanted
from store.rollouts import Occurrence


class PairsBrowser:
    """Takes what was read and what was asked for, and says what to read next."""

    def __init__(self) -> None:
        self.names: Sequence[str] = ()
        """Runs that are there, the baseline first."""
        self.writers: Sequence[str] = ()
        """Those of them that write rollouts."""
        self.slots = 2
        """Columns that fit."""
        self.is_training = True
        self.way: Way | None = None
        self.which = AnswerFilter.ALL
        self.order = PromptOrder.MET
        self.page = PairsPage(Wanted())
        self.prompts: list[SharedPrompt] = []
        self.answers: list[SharedAnswer] = []
        self._chosen: list[str] = []
        self._steps: dict[str, int] = {}
        self._is_sought = False

    @property
    def wanted(self) -> Wanted:
        """What is to be read now."""
        return Wanted(self.columns, self.is_training, self.way)

    @property
    def columns(self) -> tuple[str, ...]:
        """The runs in the columns: those that were chosen, then the others in their order."""
        asked = [name for name in self._chosen if name in self.candidates]
        return tuple(dict.fromkeys([*asked, *self.candidates]))[: self.slots]

    @property
    def candidates(self) -> Sequence[str]:
        """Runs that have what is looked at; all, where none has."""
        return self.writers if self.is_training and self.writers else self.names

    @property
    def rows(self) -> Sequence[SharedPrompt | SharedAnswer]:
        """What is listed: of the page that was read, until the one that is wanted has come."""
        return self.prompts if self.page.wanted.is_training else self.answers

    @property
    def count(self) -> int:
        """Rows of the list."""
        return len(self.rows)

    @property
    def is_read(self) -> bool:
        """Whether what is shown is what is wanted."""
        return self.page.wanted == self.wanted

    def uid(self, row: int) -> str | None:
        """What a row stands for."""
        if not 0 <= row < self.count:
            return None
        item = self.rows[row]
        return item.prompt.uid if isinstance(item, SharedPrompt) else item.uid

    def take_page(self, page: PairsPage, *, selected: str | None) -> int | None:
        """Takes what was read and gives the row to select; None where something else is wanted by now."""
        if page.wanted != self.wanted:
            return None
        self.page = page
        return self.arrange(selected)

    def arrange(self, selected: str | None) -> int:
        """Sorts and filters, and gives the row of what was selected."""
        self.prompts = ordered(self.page.shared.prompts, self.order)
        self.answers = chosen(self.page.answers.answers, self.which)
        if self.is_training and self._is_sought and self.prompts:
            self._is_sought = False
            return min(range(len(self.prompts)), key=lambda row: self._distance(self.prompts[row]))
        return next((row for row in range(self.count) if self.uid(row) == selected), 0)

    def _distance(self, shared: SharedPrompt) -> int:
        """How far from the wanted steps the runs met a prompt."""
        pairs = zip(self.page.runs, shared.met, strict=True)
        return sum(abs(self.occurrence(run, met).step - self._steps.get(run, 0)) for run, met in pairs)

    def occurrence(self, run: str, met: Sequence[Occurrence]) -> Occurrence:
        """The one that the column of a run shows: nearest to the step that was chosen there, or the last."""
        return met[occurrence_near(met, self._steps.get(run))]

    def move_step(self, runs: Sequence[str], shared: SharedPrompt, by: int) -> None:
        """Goes to an earlier or later occurrence in the columns of some runs; the last one is followed."""
        for run, met in zip(self.page.runs, shared.met, strict=True):
            if run in runs:
                here = occurrence_near(met, self._steps.get(run))
                there = max(0, min(len(met) - 1, here + by))
                if there == len(met) - 1:
                    self._steps.pop(run, None)
                else:
                    self._steps[run] = met[there].step

    def show_steps(self, steps: Mapping[str, int]) -> None:
        """Wants the rollouts at some steps, and the prompt that was met nearest to them."""
        self.is_training = True
        self._steps = dict(steps)
        self._is_sought = True

    def show_flips(self, contrast: Contrast) -> None:
        """Wants the examples that the later side of a test lost, or else those that it gained."""
        self.is_training = False
        is_lost = contrast.paired is not None and contrast.paired.lost > 0
        self.which = AnswerFilter.LOST if is_lost else AnswerFilter.GAINED
        is_thinking = contrast.before_run == contrast.after_run
        self.way = Way(
            "direct" if is_thinking else contrast.after_prompt, contrast.decoding, contrast.split, is_thinking
        )
        self._chosen = list(dict.fromkeys([contrast.before_run, contrast.after_run]))
        if is_thinking:
            self._chosen = [contrast.after_run, *(name for name in self.columns if name != contrast.after_run)]

    def next_run(self, column: int) -> bool:
        """Puts the next run that no column shows into a column; False where all are shown."""
        columns = list(self.columns)
        names = list(self.candidates)
        others = [name for name in names if name not in columns]
        if not others or not 0 <= column < len(columns):
            return False
        here = names.index(columns[column])
        later = [name for name in others if names.index(name) > here]
        columns[column] = (later or others)[0]
        self._chosen = columns
        return True

    def next_way(self) -> bool:
        """Takes the next way of asking; False where there is no other."""
        ways = self.page.ways
        if len(ways) < 2:
            return False
        self.way = ways[(ways.index(self.page.way) + 1) % len(ways)] if self.page.way in ways else ways[0]
        return True

    def next_filter(self) -> None:
        """Lists other examples."""
        filters = list(AnswerFilter)
        self.which = filters[(filters.index(self.which) + 1) % len(filters)]

    def next_order(self) -> None:
        """Sorts by the next value."""
        orders = list(PromptOrder)
        self.order = orders[(orders.index(self.order) + 1) % len(orders)]
