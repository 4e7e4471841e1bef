"""Memories are all alike: two states that differ only in which memory is which are as good as one.

That holds if the processes treat memories alike, and they need not. So it is taken for granted while the states are
looked at, and proved afterwards: whatever was seen of a process, it does just so with the memories' numbers exchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, groupby, permutations, product

from .automata import START, Input, ProcessAutomaton, Step
from .system import State

Order = tuple[int, ...]
"""Which memory comes to stand where."""


class Asymmetric(Exception):
    """A process does not treat memories alike."""


class Symmetry:
    """The states of a system up to the order of its memories."""

    def __init__(self, automata: Sequence[ProcessAutomaton], memories: int) -> None:
        self._automata = automata
        self._m = memories
        self._images: list[dict[tuple[int, Order], int]] = [{} for _ in automata]

    def canonical(self, state: State) -> State:
        """The same for all states that are this one but for the order.

        Raises:
            Asymmetric: some process minds the order.
        """
        m, under_way = self._m, state.under_way
        columns = [(state.memories[memory], *under_way[memory::m]) for memory in range(m)]
        by_column = sorted(range(m), key=columns.__getitem__)
        alike = [list(group) for _, group in groupby(by_column, key=columns.__getitem__)]
        if len(alike) == m:
            order = tuple(by_column)
            processes = self._reordered(state, order)
        else:  # where memories are in the same state, only the processes tell them apart
            orders = (tuple(chain(*parts)) for parts in product(*map(permutations, alike)))
            processes, order = min((self._reordered(state, order), order) for order in orders)
        if processes == state.processes and by_column == list(range(m)):
            return state
        return state._replace(
            processes=processes,
            memories=tuple(state.memories[memory] for memory in order),
            under_way=tuple(under_way[first + memory] for first in range(0, len(under_way), m) for memory in order),
        )

    def check(self) -> None:
        """Prove that it was right to take these states for the same.

        Raises:
            Asymmetric: it was not.
        """
        orders = list(permutations(range(self._m)))[1:]
        for process, automaton in enumerate(self._automata):
            for (state, what), step in automaton.seen():
                for order in orders:
                    self._check_step(process, state, what, step, order)

    def _check_step(self, process: int, state: int, what: Input, step: Step, order: Order) -> None:
        image = self._image(process, state, order)
        if self._image(process, image, _inverse(order)) != state:
            raise Asymmetric
        mirrored = self._step(process, image, what, step, order)
        if mirrored != self._image(process, step.state, order):
            raise Asymmetric

    def _reordered(self, state: State, order: Order) -> tuple[int, ...]:
        return tuple(
            number if number < 0 else self._image(process, number, order)
            for process, number in enumerate(state.processes)
        )

    def _image(self, process: int, state: int, order: Order) -> int:
        """Where a process comes to if all that came to it came from memories in this order."""
        images = self._images[process]
        image = images.get((state, order))
        if image is None:
            automaton = self._automata[process]
            image = own = 0
            for what in automaton.states[state].history:
                if what != START:
                    step = automaton.step(own, what)
                    image = self._step(process, image, what, step, order)
                    own = step.state
            images[state, order] = image
        return image

    def _step(self, process: int, image: int, what: Input, step: Step, order: Order) -> int:
        """The step from a mirror image; it must ask for the mirror image of what the real one asked for."""
        kind, where, number = what
        place = _inverse(order)
        if kind == "response":
            what = kind, place[where], number
        try:
            mirrored = self._automata[process].step(image, what)
        except LookupError:
            raise Asymmetric from None
        expected = sorted((place[memory], request) for memory, request in step.requests)
        if sorted(mirrored.requests) != expected or mirrored.messages != step.messages:
            raise Asymmetric
        return mirrored.state


def _inverse(order: Order) -> Order:
    places = [0] * len(order)
    for place, memory in enumerate(order):
        places[memory] = place
    return tuple(places)
