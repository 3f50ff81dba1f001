// The MCP SDK for TypeScript as a service: it goes to an MCP server without a token, finds out where to get
// one, gets it, and calls the tool whoami twice. It prints the answers, or the error, as JSON.
// Its argument is a JSON file: {"url", "issuer", "id", and "secret" or "key", a private key in PEM}.

import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ClientCredentialsProvider, PrivateKeyJwtProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const given = JSON.parse(readFileSync(process.argv[2], 'utf8'));

// A key file holds PKCS #1, which the Web Crypto API does not read.
const pkcs8 = (pem) => createPrivateKey(pem).export({ type: 'pkcs8', format: 'pem' });

const common = { clientId: given.id, expectedIssuer: given.issuer };
const authProvider = given.key
  ? new PrivateKeyJwtProvider({ ...common, privateKey: pkcs8(given.key), algorithm: 'RS256' })
  : new ClientCredentialsProvider({ ...common, clientSecret: given.secret });

const client = new Client({ name: 'interop', version: '1.0.0' });
try {
  await client.connect(new StreamableHTTPClientTransport(new URL(given.url), { authProvider }));
  const calls = [];
  for (let i = 0; i < 2; i++) calls.push((await client.callTool({ name: 'whoami' })).structuredContent);
  await client.close();
  console.log(JSON.stringify({ calls }));
} catch (error) {
  console.log(JSON.stringify({ error: `${error.name}: ${error.message}` }));
}
process.exit(0);
