// A single-page application that knows nothing of the authorization server: auth0-spa-js, as it is published,
// in Chromium, with a person who logs in. It prints a line of JSON for every check, as checks.mjs says. Its argument
// is a JSON file, whose port is where it serves the application:
//
//   {"domain", "plainDomain", "mails", "clientId", "port", "user", "password", "chromium"}

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { report } from './checks.mjs';
import * as chromium from './chromium.mjs';

const { wait } = chromium;
const given = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const application = `http://localhost:${given.port}`;

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
await chromium.serve(given.port, (path) => path === '/auth0.js' ? ['text/javascript', library] : ['text/html', html]);

// visit opens the application in a browser that nobody has logged in with.
const visit = ({ cookies, refreshTokens, useDpop, domain = given.domain }, follow) => chromium.visit(given.chromium, { cookies }, async (context) => {
  await context.addInitScript((options) => { window.options = options; }, {
    domain,
    clientId: given.clientId,
    useRefreshTokens: refreshTokens,
    useDpop,
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
});

const enter = (page, password = given.password) => chromium.enter(page, { user: given.user, password });
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

// openPopup begins a log-in in a popup, and returns the popup and how it will have ended for the application.
async function openPopup(page) {
  const opened = page.waitForEvent('popup');
  const done = page.evaluate((timeoutInSeconds) => window.client
    .then((client) => client.loginWithPopup({}, { timeoutInSeconds }))
    .then(() => ({}), (e) => ({ error: e.error ?? e.message })), wait / 1000);
  return { popup: await opened, done };
}
async function logInByPopup(page) {
  const { popup, done } = await openPopup(page);
  await enter(popup);
  assert.deepEqual(await done, {});
  await isLoggedIn(page);
  assert.ok(popup.isClosed());
}

// renew asks for a token past the cache, and returns it or the error.
const renew = (page, authorizationParams) => page.evaluate(async (authorizationParams) => {
  try {
    return { token: await (await window.client).getTokenSilently({ cacheMode: 'off', authorizationParams }) };
  } catch (e) {
    return { error: e.error ?? e.message, description: e.error_description };
  }
}, authorizationParams);
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
      assert.equal((await renew(page)).error, 'login_required');
      assert.equal(framed.length, 1);
    }),
  'a person logs in in a popup, and a token is renewed by refresh token': () =>
    visit({ cookies: false, refreshTokens: true }, async (page, framed) => {
      await logInByPopup(page);
      await renewTwice(page);
      assert.deepEqual(framed, []);
    }),
  'with third-party cookies a person logs in in a popup, and a token is renewed in a frame': () =>
    visit({ cookies: true, refreshTokens: false }, async (page, framed) => {
      await logInByPopup(page);
      await renewTwice(page);
      assert.equal(framed.length, 2);
    }),
  'a popup that the person closes, or answers with Cancel, is told to the application': () =>
    visit({ cookies: false, refreshTokens: true }, async (page) => {
      const closed = await openPopup(page);
      await closed.popup.getByLabel('Password').waitFor();
      await closed.popup.close();
      assert.equal((await closed.done).error, 'cancelled');
      const cancelled = await openPopup(page);
      await cancelled.popup.getByRole('button', { name: 'Cancel' }).click();
      assert.equal((await cancelled.done).error, 'access_denied');
    }),
  'what the server refuses is told to the application, and not after a time-out': () =>
    visit({ cookies: true, refreshTokens: false }, async (page) => {
      for (const [asked, error, description] of [
        [{ audience: 'https://unknown.example.com' }, 'access_denied', /^Service not found: https:\/\/unknown\.example\.com$/],
        [{ organization: 'org_1' }, 'invalid_request', /organization/],
        [{ scope: 'openid "quoted"' }, 'invalid_scope', /scope holds a character/],
      ]) {
        const told = await renew(page, asked);
        assert.equal(told.error, error);
        assert.match(told.description, description);
      }
      const asked = { audience: 'https://unknown.example.com' };
      await page.evaluate(async (authorizationParams) => (await window.client).loginWithRedirect({ authorizationParams }), asked);
      await page.waitForURL(/error=/);
      const { error, error_description: description, state } = Object.fromEntries(new URL(page.url()).searchParams);
      assert.deepEqual([error, description, !!state], ['access_denied', 'Service not found: https://unknown.example.com', true]);
    }),
  'over http, which no certificate has to be trusted for, a person logs in, tokens are renewed, and logout returns': () =>
    visit({ cookies: false, refreshTokens: true, domain: given.plainDomain }, async (page) => {
      await logIn(page);
      const { token, error } = await renew(page);
      assert.ok(token, error);
      await logOut(page);
    }),
  'a stranger signs up by a link in a mail, and comes back to the application': () =>
    visit({ cookies: false, refreshTokens: true }, async (page) => {
      await page.evaluate(() => { window.client.then((client) => client.loginWithRedirect({ authorizationParams: { screen_hint: 'signup' } })); });
      const email = 'stranger@example.com';
      await page.getByRole('heading', { name: 'Create an account' }).waitFor();
      await page.locator('[name=name]').fill('Sam Stranger');
      await page.locator('[name=email]').fill(email);
      await page.keyboard.press('Enter');
      await page.getByText('a link is on its way').waitFor();
      const mails = await page.context().newPage();
      await mails.goto(given.mails);
      await mails.getByRole('listitem').filter({ hasText: email }).getByRole('link').click();
      await mails.getByRole('link', { name: /^https/ }).click();
      const password = 'four words that nobody knows';
      await mails.getByLabel('New password').fill(password);
      await mails.keyboard.press('Enter');
      await mails.getByText('Your account is ready').waitFor();
      await page.getByRole('link', { name: 'Log in' }).click();
      await chromium.enter(page, { user: email, password });
      await page.waitForURL(`${application}/`);
      const { name, email_verified: verified } = await page.evaluate(async () => (await window.client).getUser());
      assert.deepEqual([name, verified], ['Sam Stranger', true]);
    }),
  'with useDpop tokens are bound to a key, and worth nothing without it': () =>
    visit({ cookies: false, refreshTokens: true, useDpop: true }, async (page) => {
      await logIn(page);
      for (let i = 0; i < 2; i++) {
        const { token, error } = await renew(page);
        assert.ok(token, error);
        const statuses = await page.evaluate(async ([domain, token]) => {
          const fetcher = (await window.client).createFetcher({ dpopNonceId: 'userinfo' });
          const answers = [await fetcher.fetchWithAuth(`https://${domain}/userinfo`),
            await fetch(`https://${domain}/userinfo`, { headers: { Authorization: `Bearer ${token}` } })];
          return answers.map((answer) => answer.status);
        }, [given.domain, token]);
        assert.deepEqual(statuses, [200, 401]);
      }
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
      assert.equal((await renew(page)).error, 'login_required');
    }),
};

await report(checks);
