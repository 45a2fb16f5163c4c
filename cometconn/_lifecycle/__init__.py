"""The connection's life as data and arithmetic.

Pure: no Trio, socket, clock, randomness or logging in here; time and randomness are
arguments. `table` has the transitions, `lease` the deadline of a wish to be connected,
`backoff` and `heartbeat` the times to wait. `reducer` combines the four into one step
from one `Lifecycle` to the next.
"""
