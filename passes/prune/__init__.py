"""Channel pruning: coupled channels, criteria, widths under a budget, reconstruction."""

from . import first as first
from . import greedy as greedy
from . import lasso as lasso
from . import magnitude as magnitude
from .joint import Joint as Joint
from .prune import Prune as Prune
from .shrink import Shrink as Shrink
