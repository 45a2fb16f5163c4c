"""Every way to a socket: dialling, proxies, TLS, and one WebSocket over one byte stream.

The rooms above know `abc`, and `websocket` only to make one. Only `trio_websocket_adapter` imports trio-websocket.
"""
