"""Steps of a client become details for hooks. It knows no stream."""
