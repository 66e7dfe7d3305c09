"""Use cases: one method each, one transaction each."""
