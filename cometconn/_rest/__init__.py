"""What a program asks of CometChat over REST beside login and sending: pages of messages, users, groups, conversations, files."""
