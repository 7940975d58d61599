"""What is in place on this machine and what is not, and how to put it right."""
