// Prints the names of what can be imported; tests/house/test_fixtures.py reads it.
await import("graphql");
const { createClient } = await import("graphql-ws");
const { createClient: createSseClient } = await import("graphql-sse");
const { serverAudits } = await import("graphql-http");
const { WebSocket } = await import("ws");
console.log([createClient, createSseClient, serverAudits, WebSocket].map((it) => typeof it).join(" "));
