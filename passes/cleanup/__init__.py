"""Exact rewrites: the same function, fewer nodes."""

from . import drop_dead as drop_dead
from . import drop_identities as drop_identities
from . import fold_batchnorm as fold_batchnorm
