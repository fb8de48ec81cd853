"""The demo: a simulated course from files to answers over HTTP."""
