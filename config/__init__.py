"""The configuration: a YAML file in Alertmanager's own shape, and the environment, as typed settings."""
