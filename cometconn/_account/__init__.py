"""CometChat's REST API, and the session of the logged-in user with its stores."""
