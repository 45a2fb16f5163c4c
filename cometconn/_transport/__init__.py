"""The door to the socket: dialling, and one WebSocket over one byte stream.

`websocket` is the only importer of trio_websocket; everybody above knows `abc` alone.
"""
