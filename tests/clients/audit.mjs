// Runs the graphql-http server audits against argv[2] with the token argv[3]; prints them as JSON.
import { serverAudits } from "graphql-http";

const [, , url, token] = process.argv;
const fetchFn = (to, init = {}) =>
  fetch(to, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });

const found = [];
for (const audit of serverAudits({ url, fetchFn })) {
  const result = await audit.fn();
  found.push({ id: audit.id, name: audit.name, status: result.status, reason: result.reason ?? null });
}
console.log(JSON.stringify(found));
