"""The facts as data with their sources: identifier schemes, unit spellings, analytes."""

VERSION = "2026.11"
"""The edition of the shipped tables; it goes into every report."""
