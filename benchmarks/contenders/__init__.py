"""Programs that receive messages, each as its library's users would write it.

Each function takes the server's port, how many messages are for warming up and how many count, and returns what the
second lot took. What they need beside cometconn is imported here only, in a process of its own.
"""
