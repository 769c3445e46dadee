"""The tests, and the servers they use."""
