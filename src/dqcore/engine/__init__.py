"""How it runs: rules are bound to a schema, morsels are scanned into states, states merge, verdicts read the sum."""
