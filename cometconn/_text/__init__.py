"""Masks secrets and escapes control characters in text from outside, before it is shown or logged."""
