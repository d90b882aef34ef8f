"""How a question is answered: pages, guards, batches, subscriptions. No GraphQL types here."""
