// A single-page application with oidc-client-ts, as it is published, in Chromium, with a person who logs in. It prints
// a line of JSON for every check, as checks.mjs says. Its argument is a JSON file, whose port is where it serves the
// application:
//
//   {"issuer", "clientId", "port", "user", "password", "chromium"}

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { report } from './checks.mjs';
import * as chromium from './chromium.mjs';

const given = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const application = `http://localhost:${given.port}`;

const library = readFileSync(new URL('../node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js', import.meta.url));
const html = `<!doctype html><title>Application</title><script src="/library.js"></script><script>
window.manager = new oidc.UserManager({ ...window.options, ...(window.options.bound && { dpop: { bind_authorization_code: true, store: new oidc.IndexedDbDPoPStore() } }),
  userStore: new oidc.WebStorageStateStore({ store: sessionStorage }) });
window.called = (async () => {
  const { pathname } = location;
  if (pathname === '/callback') return manager.signinCallback();
  if (pathname === '/goodbye') return manager.signoutCallback();
})().then((result) => ({ state: result?.userState ?? result?.state }), (e) => ({ error: e.error ?? e.message, description: e.error_description }));
</script>`;
await chromium.serve(given.port, (path) => path === '/library.js' ? ['text/javascript', library] : ['text/html', html]);

// visit opens the application in a browser that nobody has logged in with.
const visit = ({ cookies, scope, bound }, follow) => chromium.visit(given.chromium, { cookies }, async (context) => {
  await context.addInitScript((options) => { window.options = options; }, {
    authority: given.issuer,
    client_id: given.clientId,
    redirect_uri: `${application}/callback`,
    post_logout_redirect_uri: `${application}/goodbye`,
    scope: scope ?? 'openid profile email',
    loadUserInfo: !bound, // the library would come to it without a proof
    bound,
    automaticSilentRenew: false,
    silentRequestTimeoutInSeconds: chromium.wait / 1000,
  });
  const page = await context.newPage();
  await page.goto(application);
  await follow(page);
});
const offline = 'openid profile email offline_access';

// call runs a method of the manager, and returns the user or the error.
const call = (page, method, options) => page.evaluate(async ([method, options]) => {
  try {
    const user = await window.manager[method](options);
    return user && { token: user.access_token, profile: user.profile, refresh: !!user.refresh_token };
  } catch (e) {
    return { error: e.error ?? e.message, description: e.error_description };
  }
}, [method, options]);

const leave = (page, method, options) =>
  page.evaluate(([method, options]) => { window.manager[method](options); }, [method, options]);

async function logIn(page) {
  await leave(page, 'signinRedirect', { state: { came: 'from here' } });
  await chromium.enter(page, given);
  await page.waitForURL(/\/callback\?/);
  assert.deepEqual(await page.evaluate(() => window.called), { state: { came: 'from here' } });
  return isLoggedIn(page);
}
async function isLoggedIn(page) {
  const user = await call(page, 'getUser');
  const { name, email, email_verified: verified, sub } = user.profile;
  assert.deepEqual([name, email, verified], ['Uma User', given.user, true]);
  assert.ok(sub);
  return user;
}
async function renewTwice(page, before) {
  const tokens = new Set([before.token]);
  for (let i = 0; i < 2; i++) {
    const { token, profile, error, description } = await call(page, 'signinSilent');
    assert.equal(error, undefined, description);
    assert.deepEqual([profile.sub, profile.auth_time], [before.profile.sub, before.profile.auth_time]);
    tokens.add(token);
  }
  assert.equal(tokens.size, 3);
}

const checks = {
  'a person logs in by redirect, and the profile holds what userinfo says': () =>
    visit({ cookies: false }, async (page) => {
      assert.equal((await logIn(page)).refresh, false);
      await page.goto(application);
      await isLoggedIn(page);
    }),
  'with offline_access a token is renewed by refresh token': () =>
    visit({ cookies: false, scope: offline }, async (page) => {
      const framed = [];
      page.on('request', (request) => request.url().includes('prompt=none') && framed.push(request.url()));
      const before = await logIn(page);
      assert.equal(before.refresh, true);
      await renewTwice(page, before);
      assert.deepEqual(framed, []);
    }),
  'with third-party cookies a token is renewed in a frame': () =>
    visit({ cookies: true }, async (page) => renewTwice(page, await logIn(page))),
  'without third-party cookies a frame answers login_required': () =>
    visit({ cookies: false }, async (page) => {
      await logIn(page);
      assert.equal((await call(page, 'signinSilent')).error, 'login_required');
    }),
  'a person logs in in a popup': () =>
    visit({ cookies: false, scope: offline }, async (page) => {
      const opened = page.waitForEvent('popup');
      const done = call(page, 'signinPopup');
      await chromium.enter(await opened, given);
      assert.equal((await done).profile.email, given.user);
      await renewTwice(page, await isLoggedIn(page));
    }),
  'revoked tokens are dead': () =>
    visit({ cookies: false, scope: offline }, async (page) => {
      const { token } = await logIn(page);
      assert.equal(await call(page, 'revokeTokens', ['access_token', 'refresh_token']), undefined);
      const status = await page.evaluate(async (token) => {
        const metadata = await window.manager.metadataService.getMetadata();
        return (await fetch(metadata.userinfo_endpoint, { headers: { Authorization: `Bearer ${token}` } })).status;
      }, token);
      assert.equal(status, 401);
    }),
  'logout returns to the application with its state, and the next log-in asks for the password': () =>
    visit({ cookies: true }, async (page) => {
      await logIn(page);
      await leave(page, 'signoutRedirect', { state: { left: 'for good' } });
      await page.waitForURL(/\/goodbye/);
      assert.deepEqual(await page.evaluate(() => window.called), { state: { left: 'for good' } });
      assert.equal(await call(page, 'getUser'), null);
      assert.equal((await call(page, 'signinSilent')).error, 'login_required');
      await leave(page, 'signinRedirect');
      await page.getByLabel('Password').waitFor();
    }),
  'with dpop tokens are bound to a key, and worth nothing without it': () =>
    visit({ cookies: false, scope: offline, bound: true }, async (page) => {
      await renewTwice(page, await logIn(page));
      const statuses = await page.evaluate(async () => {
        const url = await window.manager.metadataService.getUserInfoEndpoint();
        const user = await window.manager.getUser();
        const proof = await window.manager.dpopProof(url, user);
        const answers = [await fetch(url, { headers: { Authorization: `DPoP ${user.access_token}`, DPoP: proof } }),
          await fetch(url, { headers: { Authorization: `Bearer ${user.access_token}` } })];
        return answers.map((answer) => answer.status);
      });
      assert.deepEqual(statuses, [200, 401]);
    }),
  'what the server refuses is told to the application': () =>
    visit({ cookies: false }, async (page) => {
      await leave(page, 'signinRedirect', { resource: ['https://unknown.example.com'] });
      await page.waitForURL(/\/callback\?/);
      const { error, description } = await page.evaluate(() => window.called);
      assert.equal(error, 'invalid_target');
      assert.match(description, /no active API or project/);
    }),
};
await report(checks);
