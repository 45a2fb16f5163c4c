"""Events and statuses on their way to subscribers: bounded, ordered, acknowledged."""
