import numpy as np
from numpy.typing import NDArray

def digest(hashes: NDArray[np.uint64], secret: bytes, purpose: bytes, width: int) -> NDArray[np.uint8]: ...
