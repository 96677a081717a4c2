"""The engine that needs nothing: steps run in this process, independent recoveries in threads of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence


class InlineEngine:
    """The Engine port without durability of its own: after a crash the journal says where to go on."""

    def step(self, name: str, action: Callable[[], None]) -> None:  # noqa: ARG002 - names matter to durable engines
        """Run the step here and now."""
        action()

    def together(self, actions: Sequence[Callable[[], None]]) -> None:
        """Run each action in a thread of its own; a single one in this thread."""
        if len(actions) == 1:
            actions[0]()
            return
        errors: list[BaseException] = []

        def guarded(action: Callable[[], None]) -> None:
            try:
                action()
            except BaseException as error:  # noqa: BLE001 - handed to the caller below
                errors.append(error)

        threads = [threading.Thread(target=guarded, args=(action,)) for action in actions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
