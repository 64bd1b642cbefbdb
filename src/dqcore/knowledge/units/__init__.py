"""Units of laboratory results: how feeds spell them, what UCUM says, and how one becomes another.

`decide` is the way in. Nothing here imports pint before two units are converted.
"""

from .analytes import Analyte as Analyte
from .analytes import analytes as analytes
from .decision import MISSING_UNIT as MISSING_UNIT
from .decision import UNKNOWN_ANALYTE as UNKNOWN_ANALYTE
from .decision import UNKNOWN_UNIT as UNKNOWN_UNIT
from .decision import WRONG_DIMENSION as WRONG_DIMENSION
from .decision import Conversion as Conversion
from .decision import Decision as Decision
from .decision import decide as decide
from .decision import target as target
from .house import House as House
from .limits import Limits as Limits
from .limits import limits as limits
from .spellings import look_up as look_up
from .spellings import plain as plain
from .spellings import read as read
from .ucum import Unit as Unit
from .ucum import UnitSyntaxError as UnitSyntaxError
from .ucum import parse as parse
