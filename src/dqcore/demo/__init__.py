"""The demo: a region's results with every fault of the mission planted at known rates, validated and reconciled."""

from .run import run as run
