"""The connection's life as data and arithmetic.

Pure: no Trio, socket, clock, randomness or logging in here; time and randomness
are arguments. `table` says what follows from what, `lease` when a wish to be
connected ends, `backoff` and `heartbeat` how long to wait, `reducer` puts the
four together into one step from one `Lifecycle` to the next.
"""
