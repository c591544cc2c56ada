"""Who may do what: keys, the tenants they belong to, what they may spend and have spent."""
