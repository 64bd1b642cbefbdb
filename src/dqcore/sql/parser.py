"""Tokens to a tree, by precedence climbing; what is not in the grammar is a `Fault` at its place.

Loosest first: OR, AND, NOT, the predicates (comparisons, IN, BETWEEN, LIKE, IS NULL; they do not chain), + and -,
* and /, unary minus. Chains of one precedence are one node, so a thousand terms make no deep tree.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import NoReturn

from ..errors import RuleError
from . import syntax
from .syntax import Syntax
from .tokens import Fault, Token, explained, tokens

MOST_NESTED = 64
"""Parentheses, CASE, calls, NOT and unary minus inside each other."""
MOST_DEEP = 128
"""Nodes from the root of the tree to a leaf: bounds every recursion over it."""

OR, AND, NOT, PREDICATE, SUM, PRODUCT, MINUS = range(1, 8)
COMPARISONS = ("=", "<>", "!=", "<", "<=", ">", ">=")
LEVELS = {
    "OR": OR,
    "AND": AND,
    **dict.fromkeys((*COMPARISONS, "NOT", "IN", "BETWEEN", "LIKE", "IS"), PREDICATE),
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
}
_KEYWORDS = "AND OR NOT IN BETWEEN LIKE ESCAPE IS NULL TRUE FALSE CASE WHEN THEN ELSE END CAST AS"
KEYWORDS = frozenset(_KEYWORDS.split())
FUNCTIONS = {"COALESCE": (1, 1000), "ABS": (1, 1), "LENGTH": (1, 1), "LOWER": (1, 1), "UPPER": (1, 1)}
TYPES = {
    **dict.fromkeys(("INTEGER", "INT", "BIGINT"), "integer"),
    **dict.fromkeys(("DOUBLE", "FLOAT", "REAL"), "double"),
    **dict.fromkeys(("VARCHAR", "TEXT"), "text"),
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}
_REFUSED = """
    SELECT FROM WHERE HAVING GROUP ORDER LIMIT UNION INTERSECT EXCEPT WITH VALUES EXISTS ANY ALL SOME DISTINCT OVER
    PARTITION FILTER NOW CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP LOCALTIME LOCALTIMESTAMP CURRENT_USER INTERVAL
    EXTRACT ILIKE SIMILAR GLOB REGEXP RLIKE XOR DIV MOD COLLATE INSERT UPDATE DELETE DROP CREATE ALTER
"""
REFUSED = frozenset(_REFUSED.split())
"""Words that would otherwise be taken for columns, by those who expect more SQL than there is."""
ALLOWED = (
    "allowed are columns, literals, = <> < <= > >= + - * /, AND OR NOT, IN, BETWEEN, LIKE, IS [NOT] NULL, CASE, "
    "COALESCE, CAST, ABS, LENGTH, LOWER, UPPER, each about one row"
)


@lru_cache(maxsize=256)
def parsed(sql: str) -> Syntax:
    """The tree of a piece of SQL, or `Fault`."""
    try:
        root = _Parser(sql).whole()
    except RecursionError:
        raise Fault(0, "the SQL is nested too deeply for the stack it is read on") from None
    for node, depth in syntax.walk(root):
        if depth > MOST_DEEP:
            raise Fault(node.at, f"the SQL is nested deeper than {MOST_DEEP} levels")
    return root


def parse(sql: str, what: str) -> Syntax:
    """The tree of a piece of SQL; `RuleError` with the place. `what` says what holds the SQL."""
    if not isinstance(sql, str):
        raise RuleError(f"{what}: the SQL is {sql!r}; give a text such as \"status = 'F'\"")
    try:
        return parsed(sql)
    except Fault as fault:
        raise RuleError(explained(sql, fault, what)) from None


class _Parser:
    def __init__(self, sql: str) -> None:
        self.tokens = list(tokens(sql))
        self.index = 0
        self.nested = 0

    @property
    def at(self) -> int:
        return self.next.at

    @property
    def next(self) -> Token:
        return self.tokens[self.index]

    def take(self) -> Token:
        token = self.tokens[self.index]
        self.index += token.kind != "end"
        return token

    def found(self, *wanted: str) -> bool:
        """Takes the next token if it is one of these symbols or keywords."""
        if _operator(self.next) in wanted:
            self.index += 1
            return True
        return False

    def expect(self, wanted: str) -> None:
        if not self.found(wanted):
            self.refuse(wanted)

    def refuse(self, wanted: str) -> NoReturn:
        token = self.next
        if token.word in REFUSED:
            raise Fault(
                token.at,
                f"{token.word} is not allowed ({ALLOWED}); a column of that name is written in double quotes",
            )
        quote = "; a column of that name is written in double quotes" if token.word in KEYWORDS else ""
        raise Fault(token.at, f"expected {wanted}, found {token}{quote}")

    def whole(self) -> Syntax:
        root = self.expression(OR)
        if self.next.kind != "end":
            self.refuse(f"an operator or the end ({ALLOWED})")
        return root

    def expression(self, floor: int) -> Syntax:
        """The longest expression whose operators bind at least as tightly as `floor`."""
        left = self.prefix(floor)
        while (level := LEVELS.get(_operator(self.next), 0)) >= floor:
            if level in (OR, AND):
                left = self.logic(left, level)
            elif level == PREDICATE:
                left = self.predicate(left)
                if LEVELS.get(_operator(self.next), 0) == PREDICATE:
                    raise Fault(self.at, "comparisons do not chain; put parentheses or AND between them")
            else:
                left = self.chain(left, level)
        return left

    def logic(self, left: Syntax, level: int) -> Syntax:
        operator, at, terms = _operator(self.next), self.at, [left]
        while self.found(operator):
            terms.append(self.expression(level + 1))
        return syntax.Logic(at, operator, tuple(terms))

    def chain(self, left: Syntax, level: int) -> Syntax:
        at, steps = self.at, []
        while LEVELS.get(_operator(self.next)) == level:
            token = self.take()
            steps.append(syntax.Step(token.at, token.value, self.expression(level + 1)))
        return syntax.Chain(at, left, tuple(steps))

    def predicate(self, left: Syntax) -> Syntax:
        at = self.at
        negated = self.found("NOT")
        if negated and _operator(self.next) not in ("IN", "BETWEEN", "LIKE"):
            self.refuse("IN, BETWEEN or LIKE")
        token = self.take()
        word = _operator(token)
        if word == "IN":
            made: Syntax = syntax.In(at, left, self.items())
        elif word == "BETWEEN":
            low = self.expression(SUM)
            self.expect("AND")
            made = syntax.Between(at, left, low, self.expression(SUM))
        elif word == "LIKE":
            made = self.like(at, left)
        elif word == "IS":
            negated = self.found("NOT")
            self.expect("NULL")
            made = syntax.IsNull(at, left)
        else:
            made = syntax.Compare(at, "<>" if word == "!=" else word, left, self.expression(SUM))
        return syntax.Not(at, made) if negated else made

    def items(self) -> tuple[Syntax, ...]:
        self.expect("(")
        items = [self.inside()]
        while self.found(","):
            items.append(self.inside())
        self.expect(")")
        return tuple(items)

    def like(self, at: int, left: Syntax) -> Syntax:
        pattern = self.text("a pattern, a text such as 'A%',")
        if not self.found("ESCAPE"):
            return syntax.Like(at, left, pattern, None)
        place = self.at
        escape = self.text("the escape character, a text such as '!',")
        if len(escape) != 1:
            raise Fault(place, "ESCAPE takes a text of one character")
        return syntax.Like(at, left, pattern, escape)

    def text(self, wanted: str) -> str:
        if self.next.kind != "text":
            self.refuse(wanted)
        return self.take().value

    def inside(self, floor: int = OR) -> Syntax:
        """An expression one level further in."""
        self.nested += 1
        if self.nested > MOST_NESTED:
            raise Fault(self.at, f"the SQL is nested deeper than {MOST_NESTED} levels")
        made = self.expression(floor)
        self.nested -= 1
        return made

    def prefix(self, floor: int) -> Syntax:
        token = self.next
        if token.word == "NOT":
            if floor > NOT:
                raise Fault(token.at, "NOT binds more loosely than what stands before it; put it in parentheses")
            self.take()
            return syntax.Not(token.at, self.inside(NOT))
        if token.kind == "symbol" and token.value == "-":
            self.take()
            if self.next.kind == "number":
                # Negated here, so that the least integer can be written.
                value = _number(self.take())
                # Decimal's own minus would round to the context's precision.
                return syntax.Literal(token.at, value.copy_negate() if isinstance(value, Decimal) else -value)
            return syntax.Negate(token.at, self.inside(MINUS))
        return self.primary()

    def primary(self) -> Syntax:
        token = self.next
        if token.kind == "number":
            return syntax.Literal(token.at, _number(self.take()))
        if token.kind == "text":
            return syntax.Literal(token.at, self.take().value)
        if token.kind == "quoted":
            return self.column()
        if self.found("("):
            made = self.inside()
            self.expect(")")
            return made
        if token.kind == "name":
            return self.named()
        self.refuse("a column, a literal, CASE, a function or a parenthesis")

    def column(self) -> Syntax:
        token = self.take()
        if _operator(self.next) == "(":
            raise Fault(token.at, f"there is no function {token.value[:40]!r}; {ALLOWED}")
        return syntax.Column(token.at, token.value)

    def named(self) -> Syntax:
        token = self.next
        following = self.tokens[self.index + 1]
        if token.word in ("NULL", "TRUE", "FALSE"):
            self.take()
            return syntax.Literal(token.at, {"NULL": None, "TRUE": True, "FALSE": False}[token.word])
        if token.word == "CASE":
            return self.case()
        if token.word == "CAST":
            return self.cast()
        if token.word in KEYWORDS or token.word in REFUSED:
            self.refuse("a column, a literal, CASE, a function or a parenthesis")
        if token.word in ("DATE", "TIMESTAMP") and following.kind == "text":
            self.take()
            return syntax.TimeLiteral(self.at, token.word == "DATE", self.take().value)
        if token.word in FUNCTIONS and _operator(following) == "(":
            return self.call()
        return self.column()

    def call(self) -> Syntax:
        token = self.take()
        arguments = self.items()
        least, most = FUNCTIONS[token.word]
        if not least <= len(arguments) <= most:
            raise Fault(token.at, f"{token.word} takes {'one argument' if most == 1 else f'up to {most} arguments'}")
        return syntax.Call(token.at, token.word, arguments)

    def cast(self) -> Syntax:
        at = self.take().at
        self.expect("(")
        operand = self.inside()
        self.expect("AS")
        if self.next.word not in TYPES:
            self.refuse(f"a type ({', '.join(TYPES)})")
        target = TYPES[self.take().word]
        self.expect(")")
        return syntax.Cast(at, operand, target)

    def case(self) -> Syntax:
        at = self.take().at
        operand = None if self.next.word == "WHEN" else self.inside()
        whens = []
        while self.next.word == "WHEN":
            place = self.take().at
            condition = self.inside()
            self.expect("THEN")
            whens.append(syntax.When(place, condition, self.inside()))
        if not whens:
            self.refuse("WHEN")
        default = self.inside() if self.found("ELSE") else None
        self.expect("END")
        return syntax.Case(at, operand, tuple(whens), default)


def _operator(token: Token) -> str:
    return token.value if token.kind == "symbol" else token.word if token.word in KEYWORDS else ""


def _number(token: Token) -> Decimal | float:
    written = token.value
    if "e" not in written.lower():
        exact = Decimal(written)
        if len(exact.as_tuple().digits) > 38 or -int(exact.as_tuple().exponent) > 38:
            raise Fault(token.at, "a number has at most 38 digits; write it with an exponent, as 1e50")
        return exact
    value = float(written)
    if value in (float("inf"), float("-inf")) or (value == 0 and Decimal(written) != 0):
        raise Fault(token.at, "the number is beyond what a double can hold")
    return value
