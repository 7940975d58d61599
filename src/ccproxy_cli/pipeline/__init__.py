"""What happens between a client's request and the bytes of its answer. Knows no HTTP server and no concrete backend."""
