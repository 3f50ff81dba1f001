// The MCP SDK for TypeScript as a program that logs a person in. It prints `open URL` for the browser and is told where
// that ended by a line of its standard input; then it calls the tool whoami twice and prints the answers, or the
// error, as JSON.
//
// Its argument is a JSON file: {"url", "redirect"}, and "id" or "metadata_url" if it is not to register itself.

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const given = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const state = randomUUID();

// What a program remembers of itself.
const kept = given.id ? { client: { client_id: given.id } } : {};
const authProvider = {
  redirectUrl: given.redirect,
  clientMetadataUrl: given.metadata_url,
  clientMetadata: {
    client_name: 'TypeScript assistant',
    redirect_uris: [given.redirect],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
  },
  state: () => state,
  clientInformation: () => kept.client,
  saveClientInformation: (client) => { kept.client = client; },
  tokens: () => kept.tokens,
  saveTokens: (tokens) => { kept.tokens = tokens; },
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
  discoveryState: () => kept.discovery,
  saveDiscoveryState: (discovery) => { kept.discovery = discovery; },
  redirectToAuthorization: (url) => console.log(`open ${url}`),
};
const transport = () => new StreamableHTTPClientTransport(new URL(given.url), { authProvider });

async function calledBack() {
  const lines = createInterface({ input: process.stdin });
  const { searchParams } = new URL((await lines[Symbol.asyncIterator]().next()).value);
  lines.close();
  if (searchParams.get('state') !== state) throw new Error('the answer is to another request');
  if (!searchParams.has('code')) throw new Error(searchParams.get('error'));
  return searchParams.get('code');
}

const client = new Client({ name: 'interop', version: '1.0.0' });
try {
  const first = transport();
  await client.connect(first).then(() => { throw new Error('the server asked for no token'); }, (error) => {
    if (!(error instanceof UnauthorizedError)) throw error;
  });
  await first.finishAuth(await calledBack());
  await client.connect(transport());
  const calls = [];
  for (let i = 0; i < 2; i++) calls.push((await client.callTool({ name: 'whoami' })).structuredContent);
  await client.close();
  console.log(JSON.stringify({ calls }));
} catch (error) {
  console.log(JSON.stringify({ error: `${error.name}: ${error.message}` }));
}
process.exit();
