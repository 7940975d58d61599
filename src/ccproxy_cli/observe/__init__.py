"""What leaves the process besides answers: the request log, and the redactor that guards it and every error text."""
