// A single-page application that knows nothing of the authorization server: auth0-spa-js, as it is published,
// in Chromium, with a person who logs in. It prints a line of JSON for every check, {"name", "error"}, where
// error is null when the check has passed. Its argument is a JSON file:
//
//   {"domain", "clientId", "port", "user", "password", "chromium"}
//
// The port is where it serves the application, at localhost: a site other than that of the server, which is
// at an address, so that the server's cookies are a third party's in a frame of the application.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProfile } from '../pages/browser.mjs';

const given = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const application = `http://localhost:${given.port}`;
const wait = 15_000; // milliseconds that one step may take
const limit = 60_000; // and a whole check

const library = readFileSync(new URL('../node_modules/@auth0/auth0-spa-js/dist/auth0-spa-js.production.js', import.meta.url));
const html = `<!doctype html><title>Application</title><script src="/auth0.js"></script><script>
window.client = (async () => {
  const client = await auth0.createAuth0Client(window.options);
  if (location.search.includes('code=')) {
    await client.handleRedirectCallback();
    history.replaceState({}, '', '/');
  }
  return client;
})();
</script>`;
const server = createServer((request, response) => {
  const script = request.url === '/auth0.js';
  response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html');
  response.end(script ? library : html);
});
await new Promise((resolve, reject) => server.once('error', reject).listen(given.port, '127.0.0.1', resolve));

// visit opens the application in a browser that nobody has logged in with. What is to become of a third
// party's cookies is said either way, for the browser's own choice changes from one version to the next.
async function visit({ cookies, refreshTokens }, follow) {
  const profile = mkdtempSync(join(tmpdir(), 'spa-'));
  let context;
  try {
    mkdirSync(join(profile, 'Default'));
    writeFileSync(join(profile, 'Default', 'Preferences'), JSON.stringify({
      profile: { cookie_controls_mode: cookies ? 0 : 1, block_third_party_cookies: !cookies },
    }));
    // The browser does not know the certificate authority of `postern dev`.
    context = await startProfile(given.chromium, profile, { ignoreHTTPSErrors: true });
    context.setDefaultTimeout(wait);
    await context.addInitScript((options) => { window.options = options; }, {
      domain: given.domain,
      clientId: given.clientId,
      useRefreshTokens: refreshTokens,
      cacheLocation: refreshTokens ? 'localstorage' : 'memory',
      authorizeTimeoutInSeconds: wait / 1000,
      httpTimeoutInSeconds: wait / 1000,
      authorizationParams: { redirect_uri: `${application}/callback`, scope: 'openid profile email' },
    });
    const page = await context.newPage();
    const framed = []; // what the application asked for in hidden frames
    page.on('request', (request) => request.url().includes('prompt=none') && framed.push(request.url()));
    await page.goto(application);
    await follow(page, framed);
  } finally {
    await context?.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

async function enter(page, password = given.password) {
  await page.getByLabel('E-mail or user name').fill(given.user);
  await page.getByLabel('Password').fill(password);
  await page.keyboard.press('Enter');
}
const leaveToLogIn = (page) => page.evaluate(() => { window.client.then((client) => client.loginWithRedirect()); });
async function logIn(page) {
  await leaveToLogIn(page);
  await enter(page);
  await page.waitForURL(`${application}/`);
  await isLoggedIn(page);
}
async function isLoggedIn(page) {
  const user = await page.evaluate(async () => (await window.client).getUser());
  assert.equal(user?.email, given.user);
}

// renew asks for a token past the cache, and returns it or the code of the error.
const renew = (page) => page.evaluate(async () => {
  try {
    return { token: await (await window.client).getTokenSilently({ cacheMode: 'off' }) };
  } catch (e) {
    return { error: e.error ?? e.message };
  }
});
async function renewTwice(page) {
  const tokens = [await renew(page), await renew(page)].map(({ token, error }) => token ?? assert.fail(error));
  assert.notEqual(tokens[0], tokens[1]);
  const [status, told] = await page.evaluate(async ([domain, token]) => {
    const answer = await fetch(`https://${domain}/userinfo`, { headers: { Authorization: `Bearer ${token}` } });
    return [answer.status, await answer.json()];
  }, [given.domain, tokens[1]]);
  assert.deepEqual([status, told.email], [200, given.user]);
}

async function logOut(page) {
  await page.evaluate((returnTo) => {
    window.client.then((client) => client.logout({ logoutParams: { returnTo } }));
  }, `${application}/goodbye`);
  await page.waitForURL(`${application}/goodbye`);
  assert.equal(await page.evaluate(async () => (await window.client).isAuthenticated()), false);
  await leaveToLogIn(page);
  await page.getByLabel('Password').waitFor(); // the server does not know the person any more
}

const checks = {
  'a wrong password is refused, and the right one leads back to the application': () =>
    visit({ cookies: false, refreshTokens: true }, async (page) => {
      await leaveToLogIn(page);
      await enter(page, 'not the password');
      await page.getByRole('alert').waitFor();
      await enter(page);
      await page.waitForURL(`${application}/`);
      await isLoggedIn(page);
    }),
  'with refresh tokens a token is renewed without a frame, and a reload stays logged in': () =>
    visit({ cookies: false, refreshTokens: true }, async (page, framed) => {
      await logIn(page);
      await renewTwice(page);
      await page.reload();
      await isLoggedIn(page);
      await renewTwice(page);
      assert.deepEqual(framed, []);
    }),
  'with third-party cookies a token is renewed in a frame, and a reload stays logged in': () =>
    visit({ cookies: true, refreshTokens: false }, async (page, framed) => {
      await logIn(page);
      await renewTwice(page);
      await page.reload();
      await isLoggedIn(page);
      assert.ok(framed.length >= 3);
    }),
  'without third-party cookies a frame answers login_required': () =>
    visit({ cookies: false, refreshTokens: false }, async (page, framed) => {
      await logIn(page);
      assert.deepEqual(await renew(page), { error: 'login_required' });
      assert.equal(framed.length, 1);
    }),
  'a person logs in in a popup': () =>
    visit({ cookies: false, refreshTokens: true }, async (page) => {
      const opened = page.waitForEvent('popup');
      const done = page.evaluate(async (timeoutInSeconds) =>
        (await window.client).loginWithPopup({}, { timeoutInSeconds }), wait / 1000);
      done.catch(() => {}); // it is awaited below, unless the popup fails first
      const popup = await opened;
      await enter(popup);
      await done;
      await isLoggedIn(page);
      await renewTwice(page);
      assert.ok(popup.isClosed());
    }),
  'logout with refresh tokens returns to the application, and the next login asks for the password': () =>
    visit({ cookies: false, refreshTokens: true }, async (page) => {
      await logIn(page);
      await logOut(page);
    }),
  'logout with frames returns to the application, and the next login asks for the password': () =>
    visit({ cookies: true, refreshTokens: false }, async (page) => {
      await logIn(page);
      await logOut(page);
      await page.goto(application);
      assert.deepEqual(await renew(page), { error: 'login_required' });
    }),
};

for (const [name, check] of Object.entries(checks)) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(reject, limit, new Error('not done in time')); });
  const error = await Promise.race([check(), late]).then(() => null, (e) => e.stack);
  clearTimeout(timer);
  console.log(JSON.stringify({ name, error }));
}
process.exit(); // also from a check that was not done in time
