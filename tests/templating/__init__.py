"""Templates: what they may do, and that Go's render as Alertmanager renders them."""
