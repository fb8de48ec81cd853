"""HTTP: sockets, requests and answers, how many at a time, and for whom how much."""
