// Uses the authorization server as any OpenID client library would: openid-client for the requests, jose
// for the tokens. It prints a line of JSON for every check, {"name", "error"}, where error is null when the
// check has passed. Its argument is a JSON file:
//
//   {"issuer", "project", "robot": {"id", "secret"}, "jwtRobot": {"id", "secret"}, "api": {"id", "secret"},
//    "strict": {"id", "key"}, "strictAPI": {"id", "key"}}

import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as jose from 'jose';
import * as oidc from 'openid-client';

const given = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const issuer = new URL(given.issuer);
const scope = `openid urn:zitadel:iam:org:project:id:${given.project}:aud read:messages`;

// A key file holds PKCS #1, which the Web Crypto API does not read.
async function signingKey({ key, keyId }) {
  const pkcs8 = createPrivateKey(key).export({ type: 'pkcs8', format: 'pem' });
  return { key: await jose.importPKCS8(pkcs8, 'RS256'), kid: keyId };
}

const discover = (id, auth, options) => oidc.discovery(issuer, id, undefined, auth, options);
const robot = await discover(given.robot.id, oidc.ClientSecretBasic(given.robot.secret));
const api = await discover(given.api.id, oidc.ClientSecretBasic(given.api.secret));
const strictAuth = oidc.PrivateKeyJwt(await signingKey(given.strict.key));
const strict = await discover(given.strict.id, strictAuth);
const withoutKid = await discover(given.strict.id, oidc.PrivateKeyJwt((await signingKey(given.strict.key)).key));
const strictAPI = await discover(given.strictAPI.id, oidc.PrivateKeyJwt(await signingKey(given.strictAPI.key)));

async function refusal(promise, code, status) {
  const error = await promise.then(() => assert.fail('was not refused'), (e) => e);
  // An answer with WWW-Authenticate is an error of another kind, whose body is left to read.
  const told = error.error ?? (await error.response?.json())?.error;
  assert.deepEqual([told, error.status], [code, status], error.message);
}

const checks = {
  'the metadata names the issuer, as OpenID and as RFC 8414 have it': async () => {
    const oauth = await discover(given.robot.id, oidc.None(), { algorithm: 'oauth2' });
    for (const server of [robot.serverMetadata(), oauth.serverMetadata()]) {
      assert.equal(server.issuer, given.issuer);
      assert.ok(server.token_endpoint && server.introspection_endpoint && server.revocation_endpoint && server.jwks_uri);
    }
  },
  'a client gets a token by client_secret_basic, form-encoded': async () => {
    const token = await oidc.clientCredentialsGrant(robot, { scope });
    assert.equal(token.token_type, 'bearer');
    assert.ok(token.access_token && token.expires_in > 0);
  },
  'a client gets a token by client_secret_post': async () => {
    const post = await discover(given.robot.id, oidc.ClientSecretPost(given.robot.secret));
    assert.ok((await oidc.clientCredentialsGrant(post, { scope })).access_token);
  },
  'a client gets a token by private_key_jwt, and again by a new assertion': async () => {
    for (let i = 0; i < 2; i++) {
      assert.ok((await oidc.clientCredentialsGrant(strict, { scope })).access_token);
    }
  },
  'a client gets a token by private_key_jwt whose header names no key, which is the default': async () => {
    for (let i = 0; i < 2; i++) {
      assert.ok((await oidc.clientCredentialsGrant(withoutKid, { scope })).access_token);
    }
  },
  'an assertion that names a key which is not the client\'s is invalid_client': async () => {
    const { key } = await signingKey(given.strict.key);
    for (const kid of ['unknown', given.strictAPI.key.keyId]) {
      const foreign = await discover(given.strict.id, oidc.PrivateKeyJwt({ key, kid }));
      await refusal(oidc.clientCredentialsGrant(foreign, { scope }), 'invalid_client', 401);
    }
  },
  'an assertion without kid by the key of another client is invalid_client': async () => {
    const { key } = await signingKey(given.strictAPI.key);
    const forger = await discover(given.strict.id, oidc.PrivateKeyJwt(key));
    await refusal(oidc.clientCredentialsGrant(forger, { scope }), 'invalid_client', 401);
  },
  'an assertion does not serve twice': async () => {
    let kept;
    const again = await discover(given.strict.id, async (as, client, body, headers) => {
      await strictAuth(as, client, body, headers);
      kept ??= body.get('client_assertion');
      body.set('client_assertion', kept);
    });
    await oidc.clientCredentialsGrant(again, { scope });
    await refusal(oidc.clientCredentialsGrant(again, { scope }), 'invalid_client', 401);
  },
  'a wrong secret is invalid_client': () =>
    discover(given.robot.id, oidc.ClientSecretBasic('wrong')).then((c) =>
      refusal(oidc.clientCredentialsGrant(c, { scope }), 'invalid_client', 401)),
  'an unknown resource is invalid_target': () =>
    refusal(oidc.clientCredentialsGrant(robot, { resource: 'https://nobody.example' }), 'invalid_target', 400),
  'introspection tells an API of a good token': async () => {
    const { access_token: token } = await oidc.clientCredentialsGrant(robot, { scope });
    for (const asking of [api, strictAPI]) {
      const facts = await oidc.tokenIntrospection(asking, token, { token_type_hint: 'access_token' });
      assert.equal(facts.active, true);
      assert.equal(facts.iss, given.issuer);
      assert.equal(facts.client_id, given.robot.id);
      assert.ok(facts.scope.split(' ').includes('read:messages'));
      assert.ok(facts.aud.includes(given.project));
    }
  },
  'introspection says nothing of garbage': async () => {
    assert.deepEqual(await oidc.tokenIntrospection(api, 'garbage'), { active: false });
  },
  'a client that is no API introspects nothing': async () => {
    const { access_token: token } = await oidc.clientCredentialsGrant(robot, { scope });
    await refusal(oidc.tokenIntrospection(robot, token), 'unauthorized_client', 400);
  },
  'a revoked token is inactive, and revoking twice is no error': async () => {
    const { access_token: token } = await oidc.clientCredentialsGrant(robot, { scope });
    await oidc.tokenRevocation(robot, token);
    await oidc.tokenRevocation(robot, token);
    assert.deepEqual(await oidc.tokenIntrospection(api, token), { active: false });
  },
  'a token of another client cannot be revoked': async () => {
    const { access_token: token } = await oidc.clientCredentialsGrant(robot, { scope });
    await oidc.tokenRevocation(strict, token).catch(() => {});
    assert.equal((await oidc.tokenIntrospection(api, token)).active, true);
  },
  'a JWT verifies against the published keys': async () => {
    const client = await discover(given.jwtRobot.id, oidc.ClientSecretBasic(given.jwtRobot.secret));
    const { access_token: token } = await oidc.clientCredentialsGrant(client, { scope });
    const keys = jose.createRemoteJWKSet(new URL(robot.serverMetadata().jwks_uri));
    const { payload } = await jose.jwtVerify(token, keys, { issuer: given.issuer, audience: given.project });
    assert.ok(payload.exp > payload.iat && payload.sub && payload.jti);
  },
  'every published key has kid, use and alg, and nothing private': async () => {
    const { keys } = await (await fetch(robot.serverMetadata().jwks_uri)).json();
    assert.ok(keys.length > 0);
    for (const key of keys) {
      assert.ok(key.kid && key.alg && key.use === 'sig');
      assert.equal(key.d, undefined);
    }
  },
};

for (const [name, check] of Object.entries(checks)) {
  const error = await check().then(() => null, (e) => `${e.stack}${e.cause ? ` (${JSON.stringify(e.cause)})` : ''}`);
  console.log(JSON.stringify({ name, error }));
}
