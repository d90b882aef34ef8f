// graphql-ws: follows one subscription against argv[2] with the token argv[3] and the request
// argv[4] (query and variables as JSON). Prints each answer as it comes as a line of JSON
// { at, value } (milliseconds since 1970), and { at, completed } or { at, error } at the end.
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";

const [, , url, token, request] = process.argv;
const say = (what) =>
  console.log(JSON.stringify({ at: performance.timeOrigin + performance.now(), ...what }));

const client = createClient({
  url,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: `Bearer ${token}` },
  retryAttempts: 0,
});
client.subscribe(JSON.parse(request), {
  next: (value) => say({ value }),
  error: (error) => { say({ error: error.code ?? String(error.message ?? error) }); client.dispose(); },
  complete: () => { say({ completed: true }); client.dispose(); },
});
