import numpy as np
from numpy.typing import NDArray

def convert(
    pairs: NDArray[np.int64],
    present: NDArray[np.uint8],
    values: NDArray[np.float64],
    scales: NDArray[np.float64],
    offsets: NDArray[np.float64],
    reasons: NDArray[np.uint8],
    missing: int,
    codes: NDArray[np.uint8],
) -> NDArray[np.float64]: ...
