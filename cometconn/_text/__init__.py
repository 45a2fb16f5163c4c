"""Text from outside, made harmless before it is shown or logged, and the names under which secrets come."""
