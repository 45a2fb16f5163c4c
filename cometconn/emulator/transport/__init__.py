"""The server's sockets: TCP, HTTP and WebSocket connections in front of `backend`."""
