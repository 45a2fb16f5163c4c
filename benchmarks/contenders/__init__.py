"""Programs that receive messages, each written as users of its library would write it.

Each function takes the server's port, the number of messages to warm up with, and the number to measure, and returns the
time of the latter. Other libraries are imported only here, in a process of its own.
"""
