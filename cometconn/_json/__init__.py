"""Checks the depth and the number of items of JSON from a server, and decodes JSON that is not strictly valid."""
