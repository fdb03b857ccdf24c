"""The catalogue: named networks, where their weights lie, and how their input is made.

To add a network: a module here called after framework and network, with the attribute `NETWORK`; its architecture, if
it is new, in `architectures/`.
"""

from __future__ import annotations

from .catalogue import data_file, find_network, networks
from .download import weights_file
from .network import Network, Weights

__all__ = ["Network", "Weights", "data_file", "find_network", "networks", "weights_file"]
