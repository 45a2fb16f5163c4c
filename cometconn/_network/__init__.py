"""What REST and the WebSocket share: URLs, HTTP dates, error messages of the operating system, log filters, blocks of the loop."""
