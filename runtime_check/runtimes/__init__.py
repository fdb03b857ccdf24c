"""The same check in every runtime that is installed, each in a process of its own."""

from .table import RuntimeRow as RuntimeRow
from .table import try_runtimes as try_runtimes
