// A website of Express and passport-auth0, written as their documentation has it; the application leaves out what
// reads the profile with a token in an address. README.md of interop says what it does.

import express from 'express';
import session from 'express-session';
import { decodeJwt } from 'jose';
import { randomBytes } from 'node:crypto';
import passport from 'passport';
import Auth0Strategy from 'passport-auth0';

const { ISSUER, CLIENT_ID, CLIENT_SECRET, SCOPE, URL: OWN, PORT } = process.env;

const strategy = new Auth0Strategy(
  { domain: new URL(ISSUER).host, clientID: CLIENT_ID, clientSecret: CLIENT_SECRET, callbackURL: `${OWN}/callback`, skipUserProfile: true },
  (accessToken, refreshToken, { id_token: idToken }, _profile, done) => done(null, { accessToken, refreshToken, claims: decodeJwt(idToken) }),
);
passport.use(strategy);
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user));

const app = express();
app.use(session({ secret: randomBytes(32).toString('hex'), resave: false, saveUninitialized: false }));
app.use(passport.session());

app.get('/login', passport.authenticate('auth0', { scope: SCOPE }));
app.get('/callback', passport.authenticate('auth0', { failWithError: true }), (_, response) => response.redirect('/'));

async function show({ user: { accessToken, claims } }, response) {
  const answer = await fetch(`${ISSUER}userinfo`, { headers: { Authorization: `Bearer ${accessToken}` } });
  response.json({ claims, userinfo: await answer.json(), access_token: accessToken });
}
app.get('/', (request, response, next) =>
  request.isAuthenticated() ? show(request, response).catch(next) : response.status(401).send('nobody is logged in'));
app.get('/renew', (request, response, next) => {
  const { user } = request;
  strategy._oauth2.getOAuthAccessToken(user.refreshToken, { grant_type: 'refresh_token' }, (error, accessToken, refreshToken, { id_token: idToken } = {}) => {
    if (error) return next(error);
    Object.assign(user, { accessToken, refreshToken, claims: decodeJwt(idToken) });
    show(request, response).catch(next);
  });
});
app.get('/logout', (request, response, next) => request.logout((error) => {
  if (error) return next(error);
  const parameters = new URLSearchParams({ client_id: CLIENT_ID, returnTo: `${OWN}/goodbye` });
  response.redirect(`${ISSUER}v2/logout?${parameters}`);
}));
app.get('/goodbye', (_, response) => response.send('goodbye'));
// Of an error that the server has sent, passport-auth0 hands on nothing but that it failed.
app.use((error, request, response, _next) => response.status(502).send(`${error.name}: ${request.query.error ?? error.message}`));

app.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on ${OWN}`));
