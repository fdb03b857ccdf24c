"""The measuring instrument: runs models, counts cost, compares numbers, times. It knows no pass."""
