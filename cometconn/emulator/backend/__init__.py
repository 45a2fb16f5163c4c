"""The server without I/O: the REST API and the WebSocket protocol on top of `world`."""
