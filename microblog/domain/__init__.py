"""Records and rules: pure, synchronous, no input or output."""
