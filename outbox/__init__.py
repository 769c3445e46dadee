"""What is kept: events accepted, deliveries on their way, what each destination holds. The database is all that
processes and replicas share."""
