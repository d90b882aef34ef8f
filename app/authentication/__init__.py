"""Who is asking: tokens of issuers and tokens of our own, presented as `Authorization: Bearer`.

The way of a token, file by file:

bearer          every door begins here; the answer is `authenticated.Authenticated`, or one sentence
failures        how many wrong tokens an address may still show
issuers         a token of an issuer: whose it is, and by which of two ways it is checked
verifier        a JWT, with the `published_keys` of its issuer (which `metadata` leads to), signed
                by one of `algorithms`
introspection   an opaque token: its issuer is asked
outside         how any issuer's server is asked, at `addresses` nobody listens to on the way
matching        which claims say who somebody is
arrivals        from a checked token, or a token of our own, to one caller in one workspace

`configuration` is what the operator writes, `trusting` makes issuers of it at the start, and
`issuer` is the one of a fresh machine.
"""
