"""Commands that need room, one module each."""
