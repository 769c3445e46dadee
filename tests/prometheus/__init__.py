"""The rules about the service itself, and the dashboard."""
