import numpy as np
from numpy.typing import NDArray

class Arena:
    def empty(self, n: int) -> NDArray[np.uint8]: ...
