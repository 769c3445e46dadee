"""What the cluster room promises."""
