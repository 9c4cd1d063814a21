"""Structured output: the types that answers are asked in, and answers read while they come."""

from rig_sync.output.misfit import listed
from rig_sync.output.partial import PartialJson
from rig_sync.output.prompted import find_json, instructions
from rig_sync.output.snapshot import Partial
from rig_sync.output.types import Misfit, OutputType, output_type

__all__ = [
    "Misfit",
    "OutputType",
    "Partial",
    "PartialJson",
    "find_json",
    "instructions",
    "listed",
    "output_type",
]
