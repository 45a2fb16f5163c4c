"""Examines JSON from outside before it is decoded, and decodes JSON that is not strictly valid."""
