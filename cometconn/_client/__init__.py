"""One client, wired by constructors: `open_client`, `CometChat`, login, sending, and the default environment."""
