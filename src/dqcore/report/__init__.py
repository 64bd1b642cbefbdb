"""What comes out: the report. It knows nothing of rules or of the engine, only of what they came to."""

from .outcome import Counts as Counts
from .outcome import Facts as Facts
from .outcome import Outcome as Outcome
from .report import About as About
from .report import Found as Found
from .report import Report as Report
from .streamed import StreamedReport as StreamedReport
