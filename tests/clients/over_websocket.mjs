// graphql-ws against argv[2] with the token argv[3]: runs each document of argv[4], in order, and
// prints what its sink received as JSON: [{ next: [...], error, completed }].
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";

const [, , url, token, documents] = process.argv;
const client = createClient({
  url,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: `Bearer ${token}` },
  retryAttempts: 0,
});

const heard = [];
for (const query of JSON.parse(documents)) {
  const sink = { next: [], error: null, completed: false };
  await new Promise((resolve) =>
    client.subscribe({ query }, {
      next: (value) => sink.next.push(value),
      error: (error) => { sink.error = error; resolve(); },
      complete: () => { sink.completed = true; resolve(); },
    }),
  );
  if (sink.error?.code) sink.error = { code: sink.error.code, reason: sink.error.reason };
  heard.push(sink);
}
console.log(JSON.stringify(heard));
await client.dispose();
