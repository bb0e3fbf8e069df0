"""Keys one after the other: a key that opened a screen or a line is done before the next one is looked at.

Textual gives every key to whatever has the focus as it comes. A slow line sends several at once, and those behind
the `:` of a palette would go to the list behind it.
"""

from __future__ import annotations

from collections import deque
from functools import partial

from textual.app import App
from textual.dom import DOMNode
from textual.driver import Driver
from textual.events import Event, Key, Paste
from textual.message import Message

ROUNDS = 4
"""So often a mark follows a key: what a key does may send a message, and that another, and each round passes one."""
LOST_S = 0.2
"""So often it is looked whether a mark is lost since the widget that had it went away."""
MOST_TRIES = 15
MOST_HELD_S = 3.0
"""So long keys wait at most for what a screen has to read."""
ALT, ESCAPE = "alt+", "\x1b"


class KeysInTurn(App[None]):
    """Hands on the next key when the one before has done what it does, the focus included."""

    class Mark(Message):
        """Goes the way of the key before it, and tells when that key is done everywhere."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, *, driver_class: type[Driver] | None = None) -> None:
        self._ahead: deque[Key | Paste] = deque()
        self._is_busy = False
        self._is_held = False
        self._holds = 0
        self._number = 0
        self._rounds = 0
        self._handed = 0
        self._target: DOMNode | None = None
        super().__init__(driver_class=driver_class)

    def on_mount(self) -> None:
        """Follows which screen is in sight: marks that were under way in the one before may never come."""
        self.screen_change_signal.subscribe(self, lambda screen: self._follow(), immediate=True)

    async def on_event(self, event: Event) -> None:
        """Keeps a key that was typed ahead; all else goes its way."""
        if not isinstance(event, Key | Paste) or event.is_forwarded or self._is_for_all(event):
            await super().on_event(event)
            return
        self._ahead.extend(self._apart(event))
        if isinstance(event, Key) and event.key == "escape":
            # who wants to get away does not wait for a read
            self._is_held = False
        if self._is_busy:
            self._look_after(self._handed, tries=MOST_TRIES)
        await self._hand_on()

    def _is_for_all(self, event: Key | Paste) -> bool:
        """Whether it works whatever goes on, as ctrl+c does."""
        if not isinstance(event, Key) or not (self._is_busy or self._is_held):
            return False
        active = self.screen.active_bindings.get(event.key)
        return active is not None and active.binding.priority

    def _apart(self, event: Key | Paste) -> list[Key | Paste]:
        """A key with alt as the two keys it may have been: terminals send the same bytes for escape and that key."""
        if not isinstance(event, Key) or not event.key.startswith(ALT) or event.character is None:
            return [event]
        if event.key in self.screen.active_bindings:
            return [event]
        key = event.character if event.character.isalnum() else event.key.removeprefix(ALT)
        return [Key("escape", ESCAPE), Key(key, event.character)]

    # what keys wait for

    def hold_keys(self) -> None:
        """Makes keys wait for what has to be read before it can open; escape ends the wait."""
        self._is_held = True
        self._holds += 1
        self.set_timer(MOST_HELD_S, partial(self._end_hold, self._holds))

    async def let_keys_go(self) -> None:
        """What keys waited for is there."""
        self._is_held = False
        await self._hand_on()

    async def _end_hold(self, number: int) -> None:
        if self._is_held and number == self._holds:
            await self.let_keys_go()

    def _follow(self) -> None:
        """Begins to wait until all is done that goes on now."""
        self._is_busy = True
        self._rounds = ROUNDS
        self._mark()

    def _in_hand(self) -> DOMNode | None:
        """What gets the next key; None while the dashboard ends, which takes its screens away first."""
        return (self.focused or self.screen) if self.screen_stack else None

    def _mark(self) -> None:
        self._number += 1
        self._target = self._in_hand()
        if self._target is not None:
            self._target.post_message(self.Mark(self._number))

    async def on_keys_in_turn_mark(self, event: Mark) -> None:
        """One round of the newest mark is done; where the focus went elsewhere, it begins again there."""
        in_hand = self._in_hand()
        if in_hand is None or not self._is_busy or event.number != self._number:
            return
        self._rounds = self._rounds - 1 if in_hand is self._target else ROUNDS
        if self._rounds > 0:
            self._mark()
        else:
            self._is_busy = False
            await self._hand_on()

    def _look_after(self, handed: int, *, tries: int) -> None:
        """Looks from time to time whether a key waits for a mark that is lost."""
        self.set_timer(LOST_S, partial(self._pass_over, handed, tries=tries))

    async def _pass_over(self, handed: int, *, tries: int) -> None:
        if not self._is_busy or handed != self._handed:
            return
        if tries and self._target is not None and self._target.is_attached:
            self._look_after(handed, tries=tries - 1)
        else:
            self._is_busy = False
            await self._hand_on()

    async def _hand_on(self) -> None:
        if self._is_busy or self._is_held or not self._ahead or self._in_hand() is None:
            return
        self._is_busy = True
        self._handed += 1
        await super().on_event(self._ahead.popleft())
        self._follow()
