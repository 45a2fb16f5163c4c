"""What REST and the WebSocket share below HTTP: URLs, HTTP dates, the operating system's errors, the libraries' logs."""
