"""dqcore: says, row by row, whether a clinical result that arrived can be trusted."""
