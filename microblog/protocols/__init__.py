"""The push line protocol."""
