"""The same rules on many machines, whichever engine moves the rows: each function here is from record batches to record
batches, and knows of no engine.

Rows are scanned where they are (`share`); what keyed rules must see together travels to one place by the hash of its key and
is judged there (`judge`); what rules came to is added up, and at last put together (`finish`). `dqcore.spark` does so with
PySpark; docs/beyond-one-machine.md says how others may.
"""

from .apart import judge as judge
from .finish import finish as finish
from .job import Job as Job
from .job import prepared as prepared
from .near import share as share
from .shared import SCHEMA as SCHEMA
