"""A day of one group's life, as Slack and PagerDuty hear of it: scripted, lived through, and written down."""
