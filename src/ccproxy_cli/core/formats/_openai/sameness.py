"""What counts besides the body in every request to this vendor."""

ACCOUNT_HEADERS = ("openai-beta", "openai-organization", "openai-project")
"""They switch on what the body uses, and say on whose account it is answered."""
