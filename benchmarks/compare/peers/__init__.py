"""A module a peer; `JOBS` has a maker for each suite that it can do. All are written as one who knows the library would."""
