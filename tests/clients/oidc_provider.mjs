// A real OpenID provider (oidc-provider) for one person's sign-in, on port argv[2] (0: a free one).
// argv[3] is JSON: { keys, people, audience, cookie, secret }. The client "web" gets JWTs, "phone"
// tokens that have to be introspected, which "lms" may do. Whoever signs in is whom the login page
// was told, if `people` (claims by subject) knows them. Prints its issuer when it answers.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const [, , port, given] = process.argv;
const { keys, people, audience, cookie, secret } = JSON.parse(given);

const server = createServer();
await new Promise((resolve) => server.listen(Number(port), "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    ...["web", "phone"].map((client_id) => ({
      client_id,
      application_type: "native",
      token_endpoint_auth_method: "none",
      redirect_uris: ["http://127.0.0.1/callback"],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    })),
    {
      client_id: "lms",
      client_secret: secret,
      redirect_uris: [],
      grant_types: [],
      response_types: [],
    },
  ],
  jwks: { keys },
  cookies: { keys: [cookie] },
  ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 3600, IdToken: 3600, Interaction: 600, Session: 3600 },
  findAccount: (_, id) =>
    people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  extraTokenClaims: (_, token) => people[token.accountId] ?? {},
  features: {
    devInteractions: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      defaultResource: () => audience,
      getResourceServerInfo: (_, resource, client) => ({
        scope: "lms",
        audience: resource,
        accessTokenFormat: client.clientId === "phone" ? "opaque" : "jwt",
        accessTokenTTL: 3600,
        jwt: { sign: { alg: keys[0].alg } },
      }),
    },
  },
});
server.on("request", provider.callback());
console.log(issuer);
