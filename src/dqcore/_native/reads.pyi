import numpy as np
from numpy.typing import NDArray

def gather(fd: int, offsets: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.uint8]: ...
