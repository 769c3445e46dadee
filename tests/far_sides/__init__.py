"""The far sides of the service on loopback: real servers, judges of our requests, and trouble."""
