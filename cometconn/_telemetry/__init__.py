"""Steps of a client become details for hooks. Nothing here knows a stream."""
