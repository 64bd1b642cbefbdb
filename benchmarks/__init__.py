"""What dqcore costs: suites for pytest-benchmark, and peers side by side on the same work (`benchmarks.compare`)."""
