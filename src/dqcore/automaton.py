"""A plain regular expression as a table of states, and as what each length of text allows in each place.

The table answers for every text. Beside it, for short texts of one length, what is allowed is most often a row of sets,
one a place: of `[A-Z]{2}[0-9]{6,8}` a text of nine has two letters and seven digits. Those are compared sixteen bytes
at a time.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from ._native.automata import MOST_PLACES, MOST_RANGES, MOST_STATES, Automaton
from .regular import Choice, Node, Place, Repeat, Sequence, parse

MOST_NODES = 1024
"""Of the graph that a regular expression is before it is a table; RE2 matches what is larger."""

DEAD, START = 0, 1


@lru_cache(maxsize=256)
def automaton(regex: str) -> Automaton | None:
    r"""What judges whether whole texts match, as RE2 does; None where the expression is more than plain, or too large.

    `regex` must be one that RE2 compiles.

    >>> automaton(r"[A-Z]{2}\d{6,8}").states
    12
    >>> automaton("a.b") is None
    True
    """
    tree = parse(regex)
    if tree is None:
        return None
    try:
        table = _table(_Graph(tree))
    except _TooLargeError:
        return None
    places = {length: row for length in range(MOST_PLACES + 1) if (row := table.places(length)) is not None}
    return Automaton(table.transitions(), bytes(state in table.accepting for state in range(len(table.next))), places)


class _TooLargeError(Exception):
    pass


class _Graph:
    """States with edges that read a character and edges that read none. Nothing that `add` makes leads back into the
    state that it starts from, so states can be started from more than once."""

    def __init__(self, tree: Node) -> None:
        self.reads: list[list[tuple[frozenset[str], int]]] = []
        self.skips: list[list[int]] = []
        self.start = self.new()
        self.end = self.add(tree, self.start)

    def new(self) -> int:
        if len(self.reads) == MOST_NODES:
            raise _TooLargeError
        self.reads.append([])
        self.skips.append([])
        return len(self.reads) - 1

    def add(self, node: Node, start: int) -> int:
        """Adds the node behind `start`, and gives the state behind the node."""
        if isinstance(node, Sequence):
            for each in node.nodes:
                start = self.add(each, start)
            return start
        if isinstance(node, Repeat):
            return self.repeat(node, start)
        end = self.new()
        if isinstance(node, Place):
            self.reads[start].append((node.characters, end))
        else:
            assert isinstance(node, Choice)
            for each in node.nodes:
                self.skips[self.add(each, start)].append(end)
        return end

    def repeat(self, node: Repeat, start: int) -> int:
        for _ in range(node.least):
            start = self.add(node.node, start)
        end = self.new()
        if node.most is None:
            loop = self.new()
            self.skips[start].append(loop)
            self.skips[self.add(node.node, loop)].append(loop)
            self.skips[loop].append(end)
            return end
        for _ in range(node.most - node.least):
            self.skips[start].append(end)
            start = self.add(node.node, start)
        self.skips[start].append(end)
        return end

    def closure(self, states: frozenset[int]) -> frozenset[int]:
        reached, todo = set(states), list(states)
        while todo:
            new = set(self.skips[todo.pop()]) - reached
            reached |= new
            todo += new
        return frozenset(reached)

    def atoms(self) -> list[str]:
        """Characters that no edge tells apart, together."""
        sets = list({characters for edges in self.reads for characters, _ in edges})
        signature = {one: tuple(one in characters for characters in sets) for one in sorted(frozenset().union(*sets))}
        ordered = sorted(signature, key=lambda one: signature[one])
        return ["".join(group) for _, group in groupby(ordered, key=lambda one: signature[one])]


class _Table(NamedTuple):
    """`next[state][atom]` is the state behind; state 0 is where no text can match any more, 1 where one begins."""

    atoms: list[str]
    next: list[list[int]]
    accepting: frozenset[int]

    def transitions(self) -> bytes:
        """256 bytes a state: the state behind each byte."""
        made = bytearray(256 * len(self.next))
        for state, behind in enumerate(self.next):
            for characters, target in zip(self.atoms, behind, strict=True):
                for character in characters:
                    made[256 * state + ord(character)] = target
        return bytes(made)

    def places(self, length: int) -> list[list[tuple[int, int]]] | None:
        """For each place of a text of this length the ranges of bytes that are allowed, where they do not depend on
        the other places; else None. Also None where no text of this length matches."""
        matching = _Matching(self, length)
        states, row = {START}, []
        if START not in matching.within[length]:
            return None
        for left in range(length - 1, -1, -1):
            allowed = {matching.allowed(state, left) for state in states}
            if len(allowed) > 1:
                return None
            atoms = next(iter(allowed))
            ranges = _ranges("".join(self.atoms[atom] for atom in atoms))
            if len(ranges) > MOST_RANGES:
                return None
            row.append(ranges)
            states = {self.next[state][atom] for state in states for atom in atoms}
        return row


class _Matching:
    """From which states exactly so many more characters can end in a match: `within[how many]`."""

    def __init__(self, table: _Table, length: int) -> None:
        self.table = table
        self.within = [table.accepting]
        for _ in range(length):
            last = self.within[-1]
            self.within.append(frozenset(s for s, behind in enumerate(table.next) if not last.isdisjoint(behind)))

    def allowed(self, state: int, left: int) -> tuple[int, ...]:
        """The atoms that may be read in a state when `left` characters follow."""
        return tuple(atom for atom, target in enumerate(self.table.next[state]) if target in self.within[left])


def _table(graph: _Graph) -> _Table:
    atoms = graph.atoms()
    start = graph.closure(frozenset({graph.start}))
    numbers = {frozenset[int](): DEAD, start: START}
    sets, rows = [frozenset[int](), start], []
    for at in sets:  # grows as it is read
        row = []
        for atom in atoms:
            behind = frozenset(to for state in at for characters, to in graph.reads[state] if atom[0] in characters)
            behind = graph.closure(behind)
            if behind not in numbers:
                if len(sets) == MOST_STATES:
                    raise _TooLargeError
                numbers[behind] = len(sets)
                sets.append(behind)
            row.append(numbers[behind])
        rows.append(row)
    return _Table(atoms, rows, frozenset(number for number, at in enumerate(sets) if graph.end in at))


def _ranges(characters: str) -> list[tuple[int, int]]:
    """Characters as ranges, both ends within.

    >>> _ranges("0129ab")
    [(48, 50), (57, 57), (97, 98)]
    """
    codes = sorted(map(ord, characters))
    runs = [[code for _, code in run] for _, run in groupby(enumerate(codes), key=lambda pair: pair[1] - pair[0])]
    return [(run[0], run[-1]) for run in runs]
