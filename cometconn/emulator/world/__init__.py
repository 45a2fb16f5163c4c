"""The state of a CometChat app: users, groups, tokens, messages and connected devices. No HTTP and no sockets."""
