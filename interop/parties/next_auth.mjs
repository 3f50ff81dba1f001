// A website of @auth/core, which is what next-auth and its like are made of, with its providers for Auth0 and ZITADEL
// as they are. README.md of interop says what it does.

import { Auth, skipCSRFCheck } from '@auth/core';
import Auth0 from '@auth/core/providers/auth0';
import ZITADEL from '@auth/core/providers/zitadel';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, SCOPE, PKCE, URL: OWN, PORT } = process.env;

const provider = (ISSUER.endsWith('/') ? Auth0 : ZITADEL)({
  id: 'postern', issuer: ISSUER, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET,
  authorization: { params: { scope: SCOPE } },
  checks: PKCE === 'true' ? ['pkce', 'state'] : ['state', 'nonce'],
});
const metadata = await (await fetch(new URL('.well-known/openid-configuration', ISSUER))).json();

// What the website knows is in the token that the session's cookie holds; a browser takes no cookie of more than
// 4 KiB, and @auth/core makes several of it.
const callbacks = {
  async jwt({ token, account, profile, trigger }) {
    if (account) return { claims: profile, tokens: account };
    return trigger === 'update' ? { ...token, tokens: await renew(token.tokens) } : token;
  },
  session: ({ session, token }) => ({ ...session, ...token }),
};
async function renew({ refresh_token: token }) {
  const answer = await fetch(metadata.token_endpoint, {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa(`${CLIENT_ID}:${CLIENT_SECRET}`)}` },
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token }),
  });
  const tokens = await answer.json();
  if (!answer.ok) throw new Error(tokens.error);
  return tokens;
}

let failure; // the last that the library has logged
let told; // what the server said, which the library keeps out of its error
const config = {
  providers: [provider], callbacks, basePath: '/auth', secret: randomBytes(32).toString('hex'), trustHost: true, skipCSRFCheck,
  logger: { error: (error) => { failure = error; }, warn() {}, debug: (_, cause) => { told = cause?.error ?? told; } },
};
const auth = (request, path, init) => Auth(new Request(`${OWN}${path}`, {
  ...init, headers: { cookie: request.headers.cookie ?? '', ...init?.headers },
}), config);
const post = (body) => ({ method: 'POST', body: new URLSearchParams(body) });

async function show(answer) {
  const session = await answer.json();
  if (!session?.claims) return new Response('nobody is logged in', { status: 401 });
  const { claims, tokens: { access_token: token } } = session;
  const userinfo = await (await fetch(metadata.userinfo_endpoint, { headers: { Authorization: `Bearer ${token}` } })).json();
  return Response.json({ claims, userinfo, access_token: token }, { headers: answer.headers });
}

const pages = {
  '/login': (request) => auth(request, '/auth/signin/postern', post({ callbackUrl: OWN })),
  '/': async (request) => show(await auth(request, '/auth/session')),
  '/renew': async (request) => show(await auth(request, '/auth/session', {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"data":{}}',
  })),
  async '/logout'(request) {
    const { tokens } = await (await auth(request, '/auth/session')).json();
    const headers = new Headers((await auth(request, '/auth/signout', post({}))).headers);
    const parameters = new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: `${OWN}/goodbye` });
    headers.set('Location', `${metadata.end_session_endpoint}?${parameters}`);
    return new Response(null, { status: 302, headers });
  },
  '/goodbye': async () => new Response('goodbye'),
};

createServer(async (request, response) => {
  failure = told = undefined;
  const answer = await (pages[request.url]?.(request) ?? auth(request, request.url)).catch((error) => { failure = error; });
  if (failure) return response.writeHead(502).end(`${failure.name}: ${told ?? failure.cause?.err?.message ?? failure.message}`);
  const cookies = answer.headers.getSetCookie();
  response.writeHead(answer.status, { ...Object.fromEntries(answer.headers), ...(cookies.length && { 'set-cookie': cookies }) });
  response.end(await answer.text());
}).listen(Number(PORT), '127.0.0.1', () => console.log(`listening on ${OWN}`));
