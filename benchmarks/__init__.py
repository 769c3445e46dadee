"""How fast the service is, each figure as a ratio to a named other in the same run; docs/performance.md has them."""
