"""What every test may use."""

pytest_plugins = ("skips", "brokers", "databases")
