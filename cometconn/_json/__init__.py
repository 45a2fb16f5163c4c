"""JSON from outside, examined before it is decoded: its depth, its outermost parts, and values that are not JSON by the letter."""
