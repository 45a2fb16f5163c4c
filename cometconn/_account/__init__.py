"""Who is logged in: CometChat's REST API and the saved session."""
