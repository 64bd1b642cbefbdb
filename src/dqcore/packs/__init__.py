"""Rule files that come with dqcore, for `dq.load_rules("pack:…")`."""
