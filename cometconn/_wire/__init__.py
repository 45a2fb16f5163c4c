"""Text of the socket to values and back. Pure: no input or output, no clock, no randomness.

`codec` reads, `frames` writes, `close` explains close codes. Protocol facts come from
CometChat's own clients, watched against local servers.
"""
