"""Steps of a client become details for hooks. It imports no stream."""
