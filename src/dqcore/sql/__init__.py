"""Row-wise SQL, as in `where` and `Expression`: parsed and typed when rules are prepared, evaluated on Arrow arrays.

`docs/sql.md` is its reference, `docs/design/sql.md` says why it is built so.
"""

from .predicate import Predicate as Predicate
from .predicate import columns_in as columns_in
from .predicate import compile_predicate as compile_predicate
from .wants import wants as wants
