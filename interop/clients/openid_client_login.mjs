// People log in with openid-client: through a program on their machine, which is a public client that has its answer
// at a port of its own, and at a site, which keeps a secret and is nobody's own. It prints a line of JSON for every
// check, as checks.mjs says. Its argument is a JSON file:
//
//   {"issuer", "user", "password", "site": {"id", "secret", "callback", "goodbye"}}

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as oidc from 'openid-client';
import { report } from './checks.mjs';
import { Person } from './person.mjs';

const given = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const callback = 'http://127.0.0.1:49152/callback';

async function discover(id, auth) {
  const config = await oidc.discovery(new URL(given.issuer), id, undefined, auth);
  oidc.enableNonRepudiationChecks(config); // signatures are verified
  return config;
}
const program = await discover('program', oidc.None());
const site = await discover(given.site.id, oidc.ClientSecretBasic(given.site.secret));

// request makes what is sent with a person, and what the answer is checked by.
async function request(config, more = {}) {
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const expectedState = oidc.randomState();
  const expectedNonce = oidc.randomNonce();
  const parameters = {
    redirect_uri: callback, scope: 'openid profile email offline_access', state: expectedState, nonce: expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256', ...more,
  };
  return { parameters, checks: { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true } };
}

async function logIn(config, { person = new Person(given), more, options } = {}) {
  const { parameters, checks } = await request(config, more);
  const { url } = await person.goThrough(oidc.buildAuthorizationUrl(config, parameters), parameters.redirect_uri);
  const tokens = await oidc.authorizationCodeGrant(config, url, checks, undefined, options);
  return { person, tokens, url, checks };
}

async function refused(promise, code, status) {
  const error = await promise.then(() => assert.fail('was not refused'), (e) => e);
  // An answer with WWW-Authenticate is an error of another kind, whose body is left to read.
  const told = error.error ?? (await error.response?.json())?.error;
  assert.deepEqual([told, error.status], [code, status], error.stack);
}
const told = (config, { access_token: token }, subject = oidc.skipSubjectCheck) => oidc.fetchUserInfo(config, token, subject);
const isDead = async (config, tokens) => {
  const error = await told(config, tokens).then(() => assert.fail('the token is good'), (e) => e);
  assert.deepEqual([error.status, error.cause?.[0]?.parameters?.error], [401, 'invalid_token'], error.stack);
};

const checks = {
  'a person logs in to a program, and the ID token and userinfo say who it is': async () => {
    const { tokens, url, checks: { expectedNonce } } = await logIn(program);
    const { iss, aud, azp, sub, nonce, auth_time, amr, email, name } = tokens.claims();
    assert.deepEqual([iss, aud, azp, nonce, email, name], [given.issuer, 'program', 'program', expectedNonce, given.user, 'Rita Reader']);
    assert.deepEqual(amr, ['pwd']);
    assert.ok(Math.abs(Date.now() / 1000 - auth_time) < 60);
    assert.deepEqual([...url.searchParams.keys()].sort(), ['code', 'iss', 'state']);
    assert.deepEqual([tokens.token_type, tokens.expires_in > 0], ['bearer', true]);
    const answer = await told(program, tokens, sub);
    assert.deepEqual([answer.email, answer.email_verified, answer.nickname], [given.user, true, 'rita']);
  },
  'a site asks for consent once, and gets what was allowed': async () => {
    const more = { redirect_uri: given.site.callback };
    const { person, tokens } = await logIn(site, { more });
    assert.ok(person.seen.some((title) => title.includes('Site')), person.seen);
    assert.deepEqual(tokens.scope.split(' ').sort(), ['email', 'offline_access', 'openid', 'profile']);
    const pages = person.seen.length;
    await logIn(site, { person, more });
    assert.equal(person.seen.filter((title) => title !== 'Redirecting').length, pages);
  },
  'tokens are refreshed, and say the same of the person': async () => {
    const { tokens } = await logIn(program);
    let { refresh_token: token } = tokens;
    for (let i = 0; i < 2; i++) {
      const next = await oidc.refreshTokenGrant(program, token);
      assert.notEqual(next.refresh_token, token);
      const { sub, auth_time, sid, nonce } = next.claims();
      const first = tokens.claims();
      assert.deepEqual([sub, auth_time, sid, nonce], [first.sub, first.auth_time, first.sid, undefined]);
      assert.equal((await told(program, next, sub)).email, given.user);
      token = next.refresh_token;
    }
    await refused(oidc.refreshTokenGrant(program, token, { scope: 'openid read:more' }), 'invalid_scope', 400);
    const less = await oidc.refreshTokenGrant(program, token, { scope: 'openid' });
    assert.deepEqual(Object.keys(await told(program, less)), ['sub']);
  },
  'a code serves once, and its second use ends what came of the first': async () => {
    const { tokens, url, checks } = await logIn(program);
    assert.ok((await told(program, tokens)).sub);
    await refused(oidc.authorizationCodeGrant(program, url, checks), 'invalid_grant', 400);
    await isDead(program, tokens);
    await refused(oidc.refreshTokenGrant(program, tokens.refresh_token), 'invalid_grant', 400);
  },
  'a code is for its verifier alone, and a wrong one does not use it up': async () => {
    const { parameters, checks } = await request(program);
    const { url } = await new Person(given).goThrough(oidc.buildAuthorizationUrl(program, parameters), callback);
    const wrong = { ...checks, pkceCodeVerifier: oidc.randomPKCECodeVerifier() };
    await refused(oidc.authorizationCodeGrant(program, url, wrong), 'invalid_grant', 400);
    assert.ok((await oidc.authorizationCodeGrant(program, url, checks)).access_token);
  },
  'a revoked refresh token ends the tokens of its log-in': async () => {
    const { tokens } = await logIn(site, { more: { redirect_uri: given.site.callback } });
    await oidc.tokenRevocation(site, tokens.refresh_token);
    await refused(oidc.refreshTokenGrant(site, tokens.refresh_token), 'invalid_grant', 400);
    await isDead(site, tokens);
  },
  'a wrong secret is told, and the code stays good': async () => {
    const { parameters, checks } = await request(site, { redirect_uri: given.site.callback });
    const { url } = await new Person(given).goThrough(oidc.buildAuthorizationUrl(site, parameters), given.site.callback);
    const wrong = await discover(given.site.id, oidc.ClientSecretPost('wrong'));
    await refused(oidc.authorizationCodeGrant(wrong, url, checks), 'invalid_client', 401);
    const posts = await discover(given.site.id, oidc.ClientSecretPost(given.site.secret));
    assert.ok((await oidc.authorizationCodeGrant(posts, url, checks)).access_token);
  },
  'what a person refuses is access_denied, and what needs a person is login_required': async () => {
    const { parameters, checks } = await request(site, { redirect_uri: given.site.callback, prompt: 'consent' });
    const person = new Person(given);
    const page = await person.open(oidc.buildAuthorizationUrl(site, parameters));
    const { url } = await person.answer(page, given.site.callback, { answer: 'cancel' });
    await refused(oidc.authorizationCodeGrant(site, url, checks), 'access_denied', undefined);
    const silent = await request(site, { redirect_uri: given.site.callback, prompt: 'none' });
    const answer = await person.open(oidc.buildAuthorizationUrl(site, silent.parameters), given.site.callback);
    await refused(oidc.authorizationCodeGrant(site, answer.url, silent.checks), 'login_required', undefined);
  },
  'an answer of another issuer, or with another state, is not taken': async () => {
    const { url, checks } = await logIn(program);
    for (const [name, value] of [['iss', 'https://other.example.com'], ['state', 'other']]) {
      const other = new URL(url);
      other.searchParams.set(name, value);
      const error = await oidc.authorizationCodeGrant(program, other, checks).then(() => assert.fail('was taken'), (e) => e);
      assert.equal(error.code, 'OAUTH_INVALID_RESPONSE');
    }
  },
  'a request is pushed with a proof, and the tokens are bound to its key': async () => {
    const DPoP = oidc.getDPoPHandle(site, await oidc.randomDPoPKeyPair('ES256'));
    const { parameters, checks } = await request(site, { redirect_uri: given.site.callback });
    const pushed = await oidc.buildAuthorizationUrlWithPAR(site, parameters, { DPoP });
    assert.deepEqual([...pushed.searchParams.keys()].sort(), ['client_id', 'request_uri']);
    const { url } = await new Person(given).goThrough(pushed, given.site.callback);
    await refused(oidc.authorizationCodeGrant(site, url, checks), 'invalid_grant', 400);
    const tokens = await oidc.authorizationCodeGrant(site, url, checks, undefined, { DPoP });
    assert.equal(tokens.token_type, 'dpop');
    const { sub } = tokens.claims();
    assert.equal((await oidc.fetchUserInfo(site, tokens.access_token, sub, { DPoP })).email, given.user);
    assert.equal((await oidc.refreshTokenGrant(site, tokens.refresh_token, undefined, { DPoP })).token_type, 'dpop');
    await isDead(site, tokens);
  },
  'a device is let in by its person, and waits until then': async () => {
    const device = await discover('device', oidc.None());
    const asked = await oidc.initiateDeviceAuthorization(device, { scope: 'openid email offline_access' });
    assert.match(asked.user_code, /^[A-Z]{4}-[A-Z]{4}$/);
    assert.ok(asked.verification_uri_complete.startsWith(asked.verification_uri) && asked.expires_in > 0);
    const ends = new AbortController();
    const polled = oidc.pollDeviceAuthorizationGrant(device, { ...asked, interval: 1 }, undefined, { signal: ends.signal });
    polled.catch(() => {}); // it is awaited below, unless the person gets nowhere
    try {
      const person = new Person(given);
      const done = await person.goThrough(asked.verification_uri_complete);
      assert.equal(done.status, 200);
      const tokens = await polled;
      assert.equal((await told(device, tokens, tokens.claims().sub)).email, given.user);
      assert.ok((await oidc.refreshTokenGrant(device, tokens.refresh_token)).access_token);
    } finally {
      ends.abort();
    }
  },
  'max_age wants a fresh log-in, and auth_time is that of it': async () => {
    const { person, tokens } = await logIn(program);
    const pages = person.seen.length;
    const again = await logIn(program, { person, more: { max_age: '0' } });
    assert.ok(person.seen.length > pages);
    assert.ok(again.tokens.claims().auth_time >= tokens.claims().auth_time);
    assert.equal((await logIn(program, { person, more: { max_age: '3600' } })).tokens.claims().auth_time, again.tokens.claims().auth_time);
  },
  'logout with a hint returns with the state, and ends the session': async () => {
    const { person, tokens } = await logIn(program);
    const goodbye = 'http://127.0.0.1:49152/goodbye';
    const { url } = await person.open(oidc.buildEndSessionUrl(program, {
      id_token_hint: tokens.id_token, post_logout_redirect_uri: goodbye, state: 'bye & bye',
    }), goodbye);
    assert.deepEqual([...url.searchParams], [['state', 'bye & bye']]);
    const { parameters, checks } = await request(program, { prompt: 'none' });
    const silent = await person.open(oidc.buildAuthorizationUrl(program, parameters), callback);
    await refused(oidc.authorizationCodeGrant(program, silent.url, checks), 'login_required', undefined);
  },
  'logout without a hint asks, and then returns': async () => {
    const { person } = await logIn(program);
    const goodbye = 'http://127.0.0.1:49152/goodbye';
    const asked = await person.open(oidc.buildEndSessionUrl(program, { post_logout_redirect_uri: goodbye }), goodbye);
    assert.deepEqual(asked.form?.buttons, ['logout']);
    const { url } = await person.answer(asked, goodbye);
    assert.equal(url.href, goodbye);
  },
};
await report(checks);
