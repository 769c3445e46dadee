"""What the alertmanager room promises."""
