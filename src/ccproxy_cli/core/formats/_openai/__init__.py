"""What OpenAI's two formats have in common: one vendor's errors, model lists, media and rules, in two shapes."""
