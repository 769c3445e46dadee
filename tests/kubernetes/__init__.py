"""What is done to a cluster, done to a real one."""
