"""The measuring instrument: runs models, counts cost, compares numbers, times. It knows no pass."""

from .check import check as check
from .data import Batch as Batch
from .data import Dataset as Dataset
from .data import open_data as open_data
from .gates import Thresholds as Thresholds
from .inputs import model_inputs as model_inputs
from .result import CheckResult as CheckResult
