"""Settings: the table, the kinds of values, and loading from options, variables and a file."""
