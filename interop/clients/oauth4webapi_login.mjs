// People log in with oauth4webapi, whose callers send each request and judge each answer by themselves: by a form, by
// a pushed request, with a key that the tokens are bound to, and for an API. It prints a line of JSON for every check,
// as checks.mjs says. Its argument is a JSON file:
//
//   {"issuer", "user", "password", "site": {"id", "secret", "callback"}}

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as oauth from 'oauth4webapi';
import { report } from './checks.mjs';
import { Person } from './person.mjs';

const given = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const issuer = new URL(given.issuer);
const program = { id: 'program', auth: oauth.None(), callback: 'http://127.0.0.1:49153/callback' };
const site = { ...given.site, auth: oauth.ClientSecretBasic(given.site.secret) };
for (const client of [program, site]) client.client_id = client.id;

const discover = async (algorithm) =>
  oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm }));
const server = await discover('oidc');

async function request(client, more) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const nonce = oauth.generateRandomNonce();
  const parameters = {
    client_id: client.id, redirect_uri: client.callback, response_type: 'code', scope: 'openid email offline_access', state, nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...more,
  };
  return { parameters, verifier, state, nonce };
}
function authorizationURL(parameters) {
  const url = new URL(server.authorization_endpoint);
  url.search = new URLSearchParams(parameters);
  return url;
}

// getTokens exchanges the code of an answer, the parameters of a query or of a form.
async function getTokens(client, answer, { verifier, state, nonce }, options) {
  const parameters = oauth.validateAuthResponse(server, client, answer, state);
  const exchange = () => oauth.authorizationCodeGrantRequest(server, client, client.auth, parameters, client.callback, verifier, options);
  const read = async () => oauth.processAuthorizationCodeResponse(server, client, await exchange(), { expectedNonce: nonce, requireIdToken: true });
  // The first answer tells the nonce that a proof has to hold; the same code is sent again.
  return read().catch((error) => oauth.isDPoPNonceError(error) ? read() : Promise.reject(error));
}
async function logIn(client, more, options) {
  const asked = await request(client, more);
  const { url, body } = await new Person(given).goThrough(authorizationURL(asked.parameters), client.callback);
  return getTokens(client, body === undefined ? url : new URLSearchParams(body), asked, options);
}

async function userinfo(client, tokens, options) {
  const { sub } = oauth.getValidatedIdTokenClaims(tokens);
  const send = async () => oauth.processUserInfoResponse(
    server, client, sub, await oauth.userInfoRequest(server, client, tokens.access_token, options));
  return send().catch((error) => oauth.isDPoPNonceError(error) ? send() : Promise.reject(error));
}

const checks = {
  'both forms of the metadata hold what a log-in needs': async () => {
    for (const metadata of [server, await discover('oauth2')]) {
      for (const endpoint of ['authorization', 'token', 'userinfo', 'end_session', 'revocation', 'pushed_authorization_request']) {
        assert.ok(metadata[`${endpoint}_endpoint`]?.startsWith(issuer.origin), endpoint);
      }
      assert.deepEqual(metadata.code_challenge_methods_supported, ['S256']);
      assert.equal(metadata.authorization_response_iss_parameter_supported, true);
    }
  },
  'a person logs in, and the ID token is signed by a published key': async () => {
    const asked = await request(program);
    const { url } = await new Person(given).goThrough(authorizationURL(asked.parameters), program.callback);
    const parameters = oauth.validateAuthResponse(server, program, url, asked.state);
    const answer = await oauth.authorizationCodeGrantRequest(server, program, program.auth, parameters, program.callback, asked.verifier);
    const tokens = await oauth.processAuthorizationCodeResponse(server, program, answer, { expectedNonce: asked.nonce, requireIdToken: true });
    await oauth.validateApplicationLevelSignature(server, answer);
    assert.equal((await userinfo(program, tokens)).email, given.user);
  },
  'an answer by form_post is one': async () => {
    const asked = await request(site, { response_mode: 'form_post' });
    const { url, body } = await new Person(given).goThrough(authorizationURL(asked.parameters), site.callback);
    assert.equal(url.search, '');
    const tokens = await getTokens(site, new URLSearchParams(body), asked);
    assert.equal((await userinfo(site, tokens)).email, given.user);
  },
  'a request is pushed, and serves one log-in': async () => {
    const asked = await request(site);
    const pushed = await oauth.processPushedAuthorizationResponse(
      server, site, await oauth.pushedAuthorizationRequest(server, site, site.auth, asked.parameters));
    assert.ok(pushed.expires_in > 0);
    const url = authorizationURL({ client_id: site.id, request_uri: pushed.request_uri });
    const person = new Person(given);
    const answer = await person.goThrough(url, site.callback);
    assert.equal((await userinfo(site, await getTokens(site, answer.url, asked))).email, given.user);
    const again = await person.open(url, site.callback);
    assert.equal(again.status, 400);
  },
  'tokens are bound to a key by its proofs, and are worth nothing without it': async () => {
    const pair = await oauth.generateKeyPair('ES256');
    const options = { DPoP: oauth.DPoP(program, pair) };
    const tokens = await logIn(program, {}, options);
    assert.equal(tokens.token_type, 'dpop');
    assert.equal((await userinfo(program, tokens, options)).email, given.user);
    const bare = await userinfo(program, tokens).then(() => assert.fail('was taken as a bearer token'), (e) => e);
    assert.equal(bare.status, 401);
    const refresh = async (options) => oauth.processRefreshTokenResponse(server, program, await oauth.refreshTokenGrantRequest(
      server, program, program.auth, tokens.refresh_token, options));
    for (const wrong of [undefined, { DPoP: oauth.DPoP(program, await oauth.generateKeyPair('ES256')) }]) {
      const error = await refresh(wrong).catch((e) => oauth.isDPoPNonceError(e) ? refresh(wrong) : Promise.reject(e))
        .then(() => assert.fail('was refreshed'), (e) => e);
      assert.equal(error.error, 'invalid_grant');
    }
    assert.equal((await refresh(options)).token_type, 'dpop');
  },
  'a code is bound to the key that the request named': async () => {
    const pair = await oauth.generateKeyPair('ES256');
    const named = oauth.DPoP(program, pair);
    const more = { dpop_jkt: await named.calculateThumbprint() };
    assert.equal((await logIn(program, more, { DPoP: named })).token_type, 'dpop');
    const other = { DPoP: oauth.DPoP(program, await oauth.generateKeyPair('ES256')) };
    const error = await logIn(program, more, other).then(() => assert.fail('was taken'), (e) => e);
    assert.equal(error.error, 'invalid_grant');
  },
  'a person holds a token of an API, with the permissions that are the person\'s': async () => {
    for (const asked of [{ audience: 'https://notes.example.com' }, { resource: 'https://notes.example.com' }]) {
      const tokens = await logIn(program, { ...asked, scope: 'openid read:notes write:notes' });
      const call = new Request('https://notes.example.com/', { headers: { Authorization: `Bearer ${tokens.access_token}` } });
      const claims = await oauth.validateJwtAccessToken(server, call, 'https://notes.example.com');
      assert.equal(claims.sub, oauth.getValidatedIdTokenClaims(tokens).sub);
      assert.deepEqual([claims.client_id, claims.scope], [program.id, 'openid read:notes']);
      assert.ok((await userinfo(program, tokens)).sub);
    }
  },
};
await report(checks);
