"""Python's garbage, collected while nobody waits for an answer: going through a long run's curves takes 0.1 s.

A screen that was left is a knot of a hundred thousand objects that only the collector can take apart; left to itself
it does so in the middle of the next answer.
"""

from __future__ import annotations

import gc
from functools import partial

from textual.app import App
from textual.events import Event, Key

REST_S = 0.2
"""So long after the last key somebody is thought to read."""
FEW_OBJECTS = 5_000
"""Made since the last look, of which the collector may wait."""
YOUNG_OBJECTS, YOUNG_ROUNDS, OLD_ROUNDS = 100_000, 10, 10
"""When Python collects by itself all the same, where keys come without a rest: 700 objects are its own first limit."""


class SpareTime(App[None]):
    """Collects after keys, at rest: what is young each time, all of it when a screen was left."""

    _keys = 0
    _is_waiting = False
    _has_left_screen = False

    async def on_event(self, event: Event) -> None:
        """A key begins a wait for rest."""
        if isinstance(event, Key):
            self._keys += 1
            self._wait()
        await super().on_event(event)

    def collect_later(self) -> None:
        """A screen was left for good: all of it is garbage."""
        self._has_left_screen = True
        self._wait()

    def _wait(self) -> None:
        if not self._is_waiting:
            self._is_waiting = True
            self.set_timer(REST_S, partial(self._rested, self._keys))

    def _rested(self, keys: int) -> None:
        self._is_waiting = False
        if keys != self._keys:
            self._wait()
        elif self._has_left_screen:
            self._has_left_screen = False
            gc.collect()
        elif gc.get_count()[0] > FEW_OBJECTS:
            gc.collect(1)


def leave_garbage_to_rests() -> None:
    """From here on what is there already is never gone through, and the rest seldom unless somebody rests."""
    # without a collection before it, which would make the first frame wait
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_ROUNDS, OLD_ROUNDS)
