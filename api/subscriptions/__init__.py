"""Answers that follow one another: server-sent events and WebSockets."""
