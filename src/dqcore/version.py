"""The version of dqcore, as reports carry it."""

VERSION = "0.1.0"
