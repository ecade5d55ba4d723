"""Interval files of electricity meters."""

from meterkit.readings import FormatError, Reading, read_file, read_line
from meterkit.totals import Day, daily, gaps

__version__ = "1.4.0"
__all__ = ["Day", "FormatError", "Reading", "daily", "gaps", "read_file", "read_line"]
