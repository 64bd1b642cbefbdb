import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Flags = NDArray[np.uint8]

def reach(starts: Rows, highs: Rows) -> None: ...
def hold(keys: Rows, valid: Flags, times: Rows, starts: Rows, lows: Rows, reach: Rows, codes: Flags) -> None: ...
