"""Who is asking: tokens of issuers and tokens of our own, presented as `Authorization: Bearer`."""
