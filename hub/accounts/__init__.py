"""Who people are: users, organizations, their members, API tokens, the CLI's login."""
