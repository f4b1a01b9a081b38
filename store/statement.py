"""Statements built once with SQLAlchemy Core and run straight on the driver, without an ORM or a result object in between.

Compiling each statement once per dialect and converting values by the column types' own processors costs a tenth of
`Connection.execute`, which is what lets one writer thread take a storm of alerts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from sqlalchemy import BindParameter, Dialect, Executable, Select, String, bindparam, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

Convert = Callable[[Any], Any] | None
Row = tuple[Any, ...]
_AT_ONCE = 64  # rows; a text is kept for each number of rows in one INSERT
_ONE_ROW = re.compile(r"(.* VALUES )(\([?, ]+\))(.*)", re.DOTALL)
_NAMED_ROW = re.compile(r"(.*) VALUES \(((?:%\(\w+\)s(?:::\w+)?(?:, )?)+)\)(.*)", re.DOTALL)
_NAMED = re.compile(r"%\((\w+)\)s(?:::(\w+))?")  # what has no type is a boolean


def p(name: str, kind: Any = None) -> BindParameter[Any]:
    """Name a parameter in a condition; it is passed as `p_<name>`, apart from the columns' own names."""
    return bindparam(f"p_{name}", type_=kind)


def word(value: str) -> ColumnElement[str]:
    """Write one of our own constants into a statement, so that partial indexes can match it."""
    if not value.replace("_", "").isalnum():
        raise ValueError(value)
    return literal_column(f"'{value}'", String())


class spread(FunctionElement[Any]):
    """Spread a JSON list of texts to rows with one column, `value`."""

    inherit_cache = True


@compiles(spread, "sqlite")
def _spread_sqlite(element: spread, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **kw)})"


@compiles(spread, "postgresql")
def _spread_postgresql(element: spread, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_array_elements_text(CAST({compiler.process(element.clauses, **kw)} AS json))"


def each(name: str) -> Select[Any]:
    """Give the texts of the JSON list `p_<name>`: `column.in_(each("keys"))` is one statement for any number of them."""
    return select(spread(p(name, String())).table_valued("value").c.value)


class among(FunctionElement[bool]):
    """Say whether a column is one of the texts of a JSON list, found by the column's index however many there are.

    On PostgreSQL they are made an array first: of rows out of a function the planner does not know how few they are, and it
    reads the whole table rather than the index.
    """

    inherit_cache = True  # of no type: SQLAlchemy would compare a boolean with 1, and SQLite then not use the index

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        super().__init__(column, each(name).scalar_subquery())


@compiles(among, "sqlite")
def _among_sqlite(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    column, texts = (compiler.process(part, **kw) for part in element.clauses)
    return f"{column} IN {texts}"


@compiles(among, "postgresql")
def _among_postgresql(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    column, texts = (compiler.process(part, **kw) for part in element.clauses)
    return f"{column} = ANY (ARRAY {texts})"


class place(FunctionElement[int]):
    """Give where the second text begins in the first, 0 = nowhere."""

    inherit_cache = True


@compiles(place, "sqlite")
def _place_sqlite(element: place, compiler: SQLCompiler, **kw: Any) -> str:
    return f"instr({compiler.process(element.clauses, **kw)})"


@compiles(place, "postgresql")
def _place_postgresql(element: place, compiler: SQLCompiler, **kw: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **kw)})"


def storable(word: Any) -> Any:
    """Replace U+0000, which strangers can send and PostgreSQL cannot store; on SQLite too, so that both keep the same."""
    return word.replace("\0", "\ufffd") if word is not None and "\0" in word else word


class Prepared:
    """Hold a statement's text for one dialect, and the conversions of what goes in and comes out."""

    __slots__ = ("_in", "_listed", "_named", "_names", "_out", "_several", "sql")

    def __init__(self, core: Executable, columns: Sequence[str] | None, dialect: Dialect) -> None:
        compiled = core.compile(dialect=dialect, column_keys=list(columns) if columns is not None else None)  # type: ignore[attr-defined]
        self.sql: str = compiled.string
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        self._several: dict[int, str] = {}
        self._listed: str | None = None
        self._named = not compiled.positional
        self._names = tuple(binds) if self._named else tuple(compiled.positiontup)
        self._in: list[tuple[str, Convert, Any]] = [self._parameter(name, binds[name], dialect) for name in self._names]
        given = getattr(core, "selected_columns", None)
        found = tuple(given if given is not None else getattr(core, "exported_columns", ()))
        out = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in found]
        self._out: tuple[Convert, ...] | None = tuple(out) if any(out) else None

    @staticmethod
    def _parameter(name: str, bind: BindParameter[Any], dialect: Dialect) -> tuple[str, Convert, Any]:
        """Give a parameter's name, its conversion and, for one that the statement itself states as `attempts + 1`, its value."""
        convert: Convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if convert is None and isinstance(bind.type, String):
            convert = storable
        if bind.unique:
            return "", None, convert(bind.value) if convert else bind.value
        return name, convert, None

    def given(self, values: Mapping[str, Any]) -> Any:
        """Convert parameters to what the driver takes, by place or by name; raises KeyError for a missing one."""
        placed = [
            (values[name] if convert is None else convert(values[name])) if name else fixed for name, convert, fixed in self._in
        ]
        return dict(zip(self._names, placed, strict=True)) if self._named else placed

    def several(self, rows: int) -> str:
        """Give the text of an INSERT for so many rows at once; parameters by place only."""
        found = self._several.get(rows)
        if found is None:
            parts = _ONE_ROW.fullmatch(self.sql)
            assert parts is not None, "an INSERT of one row of parameters"
            found = self._several[rows] = parts[1] + ", ".join([parts[2]] * rows) + parts[3]
        return found

    def listed(self) -> str:
        """Give the text of an INSERT or UPDATE for any number of sets of values: `%(rows)s` is a JSON list of objects.

        Named parameters only; an UPDATE's own condition is the last WHERE in it.
        """
        if self._listed is None:
            parts = _NAMED_ROW.fullmatch(self.sql)
            named = dict(_NAMED.findall(parts[2] if parts is not None else self.sql))
            columns = ", ".join(f'"{name}" {kind or "BOOLEAN"}' for name, kind in named.items())
            given = f"json_to_recordset(%(rows)s::VARCHAR::json) AS given({columns})"
            if parts is not None:
                self._listed = f"{parts[1]} SELECT * FROM {given}{parts[3]}"
            else:
                change, _, condition = _NAMED.sub(r'given."\1"', self.sql).rpartition("WHERE ")
                assert change.startswith("UPDATE "), "an INSERT of one row or an UPDATE"
                self._listed = f"{change}FROM {given} WHERE {condition}"
        return self._listed

    def taken(self, rows: Iterable[Row]) -> list[Row]:
        """Convert rows to values of the model."""
        out = self._out
        if out is None:
            return list(rows)
        return [tuple([v if c is None else c(v) for c, v in zip(out, row, strict=True)]) for row in rows]


class Statement:
    """Hold a Core statement; `columns` names those that an INSERT or UPDATE sets from parameters of the same names."""

    __slots__ = ("_columns", "_core", "_prepared")

    def __init__(self, core: Executable, columns: Sequence[str] | None = None) -> None:
        self._core = core
        self._columns = columns
        self._prepared: dict[str, Prepared] = {}

    def on(self, dialect: Dialect) -> Prepared:
        """Give the compiled form, compiling it at the first use."""
        found = self._prepared.get(dialect.name)
        if found is None:
            found = self._prepared[dialect.name] = Prepared(self._core, self._columns, dialect)
        return found


class Cursor(Protocol):
    """Name what we use of a DB-API cursor."""

    rowcount: int

    def fetchall(self) -> list[Any]: ...


class Link:
    """Run statements on one open driver connection, within whatever transaction it is in.

    On a connection that sends without waiting (psycopg's pipeline), `settle` waits for everything sent so far. What `put`
    sent may then fail later: in the next statement that gives something, or in `end`, which such a connection's user calls.
    """

    __slots__ = ("_late", "_raw", "_settle", "_touched_late", "dialect")

    def __init__(self, raw: Any, dialect: Dialect, settle: Callable[[], None] | None = None) -> None:
        self._raw = raw
        self._settle = settle
        self._late: dict[Prepared, list[Any]] = {}
        self._touched_late: set[tuple[str, Any]] = set()
        self.dialect = dialect

    def rows(self, statement: Statement, **values: Any) -> list[Row]:
        """Run a statement and give its rows as values of the model."""
        self._catch_up()
        prepared = statement.on(self.dialect)
        return prepared.taken(self._raw.execute(prepared.sql, prepared.given(values)).fetchall())

    def row(self, statement: Statement, **values: Any) -> Row | None:
        """Run a statement and give its first row."""
        found = self.rows(statement, **values)
        return found[0] if found else None

    def several(self, *statements: Statement, **values: Any) -> list[list[Row]]:
        """Run statements that take the same values one after the other, and give the rows of each."""
        self._catch_up()
        prepared = [statement.on(self.dialect) for statement in statements]
        if self._settle is None:
            return [one.taken(self._raw.execute(one.sql, one.given(values)).fetchall()) for one in prepared]
        cursors = [self._raw.execute(one.sql, one.given(values)) for one in prepared]  # all sent before any is waited for
        return [one.taken(cursor.fetchall()) for one, cursor in zip(prepared, cursors, strict=True)]

    def write(self, statement: Statement, values: Mapping[str, Any]) -> int:
        """Run a statement and give how many rows it touched."""
        self._catch_up()
        prepared = statement.on(self.dialect)
        return self._touched(self._raw.execute(prepared.sql, prepared.given(values)))

    def put(self, statement: Statement, values: Mapping[str, Any]) -> None:
        """Run a statement whose outcome nobody waits for."""
        self._catch_up()
        prepared = statement.on(self.dialect)
        self._raw.execute(prepared.sql, prepared.given(values))

    def late(self, statement: Statement, values: Mapping[str, Any], row: tuple[str, Any] | None = None) -> None:
        """Do as `put`, on a connection that does not wait together with its like, before anything else is run.

        `row` names the one row that is changed: a second change of it comes after the first.
        """
        if self._settle is None:
            self.put(statement, values)
            return
        if row is not None:
            if row in self._touched_late:
                self._catch_up()
            self._touched_late.add(row)
        prepared = statement.on(self.dialect)
        self._late.setdefault(prepared, []).append(prepared.given(values))

    def end(self) -> None:
        """Wait for everything; raises what failed."""
        self._catch_up()
        if self._settle is not None:
            self._settle()

    def _catch_up(self) -> None:
        if not self._late:
            return
        late, self._late = self._late, {}
        self._touched_late.clear()
        for prepared, values in late.items():
            if len(values) == 1:
                self._raw.execute(prepared.sql, values[0])
            else:
                self._raw.execute(prepared.listed(), {"rows": msgspec.json.encode(values).decode()})

    def many(self, statement: Statement, values: Iterable[Mapping[str, Any]]) -> None:
        """Run a statement once for each set of values; nobody waits for the outcome."""
        self._catch_up()
        prepared = statement.on(self.dialect)
        self._raw.cursor().executemany(prepared.sql, [prepared.given(v) for v in values])

    def spread(self, statement: Statement, values: Sequence[Mapping[str, Any]]) -> int:
        """Insert rows and give how many were touched: with few statements, whose number and not the rows' is what costs.

        On SQLite the driver gives the interpreter away at every step, on PostgreSQL each row would be a message.
        """
        self._catch_up()
        prepared = statement.on(self.dialect)
        if not self.dialect.positional:
            listed = msgspec.json.encode([prepared.given(row) for row in values]).decode()
            return self._touched(self._raw.execute(prepared.listed(), {"rows": listed}))
        touched = 0
        for start in range(0, len(values), _AT_ONCE):
            rows = values[start : start + _AT_ONCE]
            cursor: Cursor = self._raw.execute(prepared.several(len(rows)), [v for row in rows for v in prepared.given(row)])
            touched += cursor.rowcount
        return touched

    def _touched(self, cursor: Cursor) -> int:
        if self._settle is not None:
            self._settle()
        return cursor.rowcount

    def text(self, sql: str) -> None:
        """Run SQL of our own that takes and gives nothing, as SAVEPOINT."""
        self._catch_up()
        self._raw.execute(sql)
