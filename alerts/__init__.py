"""The domain: alerts, what is known of them, and what is to be said. Pure: no clock, no network, no storage."""
