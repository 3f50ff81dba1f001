// A website of Express and express-openid-connect, written as its documentation and Auth0's sample have it.
// README.md of interop says what it does.

import express from 'express';
import oidc from 'express-openid-connect';
import session from 'express-session';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, SCOPE, URL, PORT, RESPONSE_TYPE = 'code', BACKCHANNEL_PORT } = process.env;

const app = express();
app.use(oidc.auth({
  issuerBaseURL: ISSUER,
  baseURL: URL,
  clientID: CLIENT_ID,
  clientSecret: CLIENT_SECRET,
  secret: randomBytes(32).toString('hex'),
  authRequired: false,
  ...(ISSUER.endsWith('/') ? { auth0Logout: true } : { idpLogout: true }),
  // Without a response_type the library asks for an ID token alone.
  authorizationParams: { scope: SCOPE, ...(RESPONSE_TYPE && { response_type: RESPONSE_TYPE }) },
  // To be told of logouts it has to find sessions by more than their cookies.
  ...(BACKCHANNEL_PORT && { session: { store: new session.MemoryStore() }, backchannelLogout: true }),
  routes: { postLogoutRedirect: '/goodbye' },
}));

async function show(request, response) {
  const { idTokenClaims: claims, accessToken } = request.oidc;
  response.json({ claims, userinfo: await request.oidc.fetchUserInfo(), access_token: accessToken.access_token });
}
app.get('/', (request, response, next) =>
  request.oidc.isAuthenticated() ? show(request, response).catch(next) : response.status(401).send('nobody is logged in'));
app.get('/renew', oidc.requiresAuth(), async (request, response) => {
  await request.oidc.accessToken.refresh();
  await show(request, response);
});
app.get('/goodbye', (_, response) => response.send('goodbye'));
app.use((error, _request, response, _next) => response.status(502).send(`${error.error ?? error.name}: ${error.error_description ?? error.message}`));

if (BACKCHANNEL_PORT) {
  const { TLS_CERTIFICATE, TLS_KEY } = process.env;
  https.createServer({ cert: readFileSync(TLS_CERTIFICATE), key: readFileSync(TLS_KEY) }, app).listen(Number(BACKCHANNEL_PORT), '127.0.0.1');
}
app.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on ${URL}`));
