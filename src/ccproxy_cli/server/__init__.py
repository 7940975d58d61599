"""The HTTP server: who may ask, how requests are read and answers sent. Knows no concrete backend."""
