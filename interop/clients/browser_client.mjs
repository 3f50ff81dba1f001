// The browser client of `postern dev` in Chromium. It prints a line of JSON for every check, {"name", "error"},
// where error is null when the check has passed. Its argument is a JSON file:
//
//   {"client", "issuer", "people": [{"email", "password"}, …], "pictures", "chromium"}
//
// The first of the people has the permission that the admin page needs, the second has not. With a folder for
// pictures it leaves one of each page there.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProfile } from '../pages/browser.mjs';

const given = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const [admin, other] = given.people;
const wait = 15_000; // milliseconds that one step may take
const limit = 90_000; // and a whole check
const axe = readFileSync(createRequire(new URL('../pages/', import.meta.url)).resolve('axe-core/axe.min.js'), 'utf8');

// visit opens the client in a browser that nobody has logged in with and that blocks third parties' cookies.
// Whatever the browser complains of is a fault, but for statuses that the check says are to come.
async function visit(follow, { expected = /a status of 40[13]/ } = {}) {
  const profile = mkdtempSync(join(tmpdir(), 'client-'));
  let context;
  try {
    mkdirSync(join(profile, 'Default'));
    writeFileSync(join(profile, 'Default', 'Preferences'), JSON.stringify({
      profile: { cookie_controls_mode: 1, block_third_party_cookies: true },
    }));
    context = await startProfile(given.chromium, profile, { viewport: { width: 1280, height: 800 } });
    context.setDefaultTimeout(wait);
    const page = await context.newPage();
    const faults = [];
    page.on('console', (m) => { if (m.type() !== 'info' && !expected.test(m.text())) faults.push(m.text()); });
    page.on('pageerror', (e) => faults.push(e.message));
    const known = [given.client, given.issuer].map((url) => new URL(url).host);
    page.on('request', (r) => {
      const { protocol, hostname, host } = new URL(r.url());
      if (protocol === 'http:' && !known.includes(host) && hostname !== '127.0.0.1') faults.push(`asked ${r.url()}`);
    });
    await page.goto(given.client);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await follow(page);
    assert.deepEqual(faults, []);
  } finally {
    await context?.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

const path = (page) => new URL(page.url()).pathname;
const follow = (page, name) => page.locator('#menu').getByRole('link', { name, exact: true }).click();
const says = (page, text) => page.getByText(text).first().waitFor();

async function logIn(page, person) {
  await page.getByRole('button', { name: 'Log in' }).first().click();
  await page.getByLabel('E-mail or user name').fill(person.email);
  await page.getByLabel('Password').fill(person.password);
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.origin === given.client && url.pathname !== '/callback');
  await says(page, 'Token in memory only');
}

// look holds a page to what every page is held to, in both widths and both colours.
async function look(page, name) {
  for (const [width, colour] of [[1280, 'light'], [1280, 'dark'], [390, 'light'], [390, 'dark']]) {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme: colour });
    if (given.pictures) await page.screenshot({ path: join(given.pictures, `browser-client-${name}-${width}-${colour}.png`), fullPage: true });
    const [wide, violations] = await page.evaluate(async (source) => {
      if (!window.axe) new Function(source)();
      const { violations } = await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
      const root = document.documentElement;
      return [root.scrollWidth - root.clientWidth, violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target)}`)];
    }, axe);
    assert.deepEqual([wide, violations], [0, []], `${name}, ${width} px, ${colour}`);
  }
  await page.setViewportSize({ width: 1280, height: 800 });
}

const checks = {
  'every page can be opened and looks right without a login': () => visit(async (page) => {
    await page.context().newCDPSession(page).then((cdp) => cdp.send('Page.setBypassCSP', { enabled: true })); // axe is not the page's
    for (const [at, title, text] of [
      ['/', 'Home', 'Nobody is logged in here'],
      ['/profile', 'Profile', 'Log in to see your profile'],
      ['/public', 'Public message', 'This is a public message.'],
      ['/protected', 'Protected message', 'Requires authentication'],
      ['/admin', 'Admin', 'Requires authentication'],
    ]) {
      await page.goto(given.client + at);
      await says(page, text);
      assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), title);
      assert.equal(await page.locator('#menu [aria-current=page]').count(), 1);
      await look(page, `out-${title.split(' ')[0].toLowerCase()}`);
    }
  }),
  'a person with the permission reads all messages': () => visit(async (page) => {
    await page.context().newCDPSession(page).then((cdp) => cdp.send('Page.setBypassCSP', { enabled: true }));
    await follow(page, 'Admin');
    await says(page, 'Requires authentication');
    await logIn(page, admin);
    assert.equal(path(page), '/admin');
    await says(page, 'This is an admin message.');
    await look(page, 'admin-200');
    await follow(page, 'Protected message');
    await says(page, 'This is a protected message.');
    await follow(page, 'Public message');
    await says(page, 'This is a public message.');
    await page.goBack();
    await says(page, 'This is a protected message.');
    await follow(page, 'Profile');
    await says(page, `"email": "${admin.email}"`);
    await look(page, 'profile');
    await follow(page, 'Home');
    await page.getByRole('button', { name: 'Renew the token now' }).click();
    await says(page, 'It was last renewed at');
    await look(page, 'home');
    await page.setViewportSize({ width: 390, height: 800 });
    assert.equal(await page.locator('#menu').isVisible(), false);
    await page.getByRole('button', { name: 'Menu' }).click();
    await follow(page, 'Admin');
    await says(page, 'This is an admin message.');
    assert.equal(await page.locator('#menu').isVisible(), false);
  }),
  'a person without the permission reads why not': () => visit(async (page) => {
    await page.context().newCDPSession(page).then((cdp) => cdp.send('Page.setBypassCSP', { enabled: true }));
    await logIn(page, other);
    await follow(page, 'Admin');
    await says(page, '403: your token is good but gives too little.');
    await says(page, 'read:admin-messages');
    await says(page, 'Permission denied');
    await look(page, 'admin-403');
  }),
  'a reload stays logged in, without a third party\'s cookie and without a stored token': () => visit(async (page) => {
    await logIn(page, admin);
    await follow(page, 'Profile');
    for (let i = 0; i < 2; i++) {
      await page.reload();
      await says(page, 'Token in memory only');
      assert.equal(path(page), '/profile');
    }
    const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
    assert.equal(stored, '[{},{"was":"logged in"},""]');
    assert.ok(!page.url().includes('code='));
  }),
  'a token that has ended is renewed, and a lost session is said': () => visit(async (page) => {
    const grant = (r) => new URLSearchParams(r.postData()).get('grant_type');
    await page.route('**/token', async (route) => {
      const response = await route.fetch();
      const answer = await response.json();
      if (grant(route.request()) === 'authorization_code') answer.expires_in = 4; // in a browser's time
      await route.fulfill({ response, json: answer });
    });
    const renewed = page.waitForRequest((r) => r.url().endsWith('/token') && grant(r) === 'refresh_token');
    await logIn(page, admin);
    await renewed; // ahead of its end, though nobody asked
    await follow(page, 'Protected message');
    await says(page, 'This is a protected message.');
    await page.unroute('**/token');
    await page.route('**/token', (route) => route.fulfill({
      status: 400, headers: { 'Access-Control-Allow-Origin': given.client }, json: { error: 'invalid_grant', error_description: 'Unknown or invalid refresh token.' },
    }));
    await follow(page, 'Home');
    await page.getByRole('button', { name: 'Renew the token now' }).click();
    await says(page, 'Unknown or invalid refresh token.');
    await says(page, 'Nobody is logged in here');
    await page.reload(); // does not go round in circles
    await says(page, 'Nobody is logged in here');
  }, { expected: /a status of 40[013]/ }),
  'an answer that belongs to no login is refused': () => visit(async (page) => {
    for (const query of ['code=x&state=y', 'code=x', 'error=access_denied&state=y', '', 'state=__proto__&code=x']) {
      await page.goto(`${given.client}/callback?${query}`);
      await says(page, 'This answer belongs to no login that was begun here');
      assert.equal(page.url(), given.client + '/');
    }
    // A login that was begun, and is answered by another issuer.
    await page.evaluate(() => sessionStorage.setItem('login.z', JSON.stringify({ nonce: 'n', verifier: 'v', path: '/' })));
    await page.goto(`${given.client}/callback?code=x&state=z&iss=https%3A%2F%2Fevil.example`);
    await says(page, 'The answer is from https://evil.example');
  }),
  'logout ends the session at the issuer too': () => visit(async (page) => {
    await logIn(page, admin);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.waitForURL(`${given.client}/`);
    await says(page, 'Nobody is logged in here');
    await page.getByRole('button', { name: 'Log in' }).first().click();
    await page.getByLabel('Password').waitFor(); // the issuer does not know the person any more
  }),
  'what the issuer sends stays text': () => visit(async (page) => {
    const evil = '<img src=x onerror="document.title=\'gone\'"><script>document.title="gone"</script>';
    await page.route('**/token', async (route) => {
      const response = await route.fetch();
      const answer = await response.json();
      const [head, body, tail] = answer.id_token.split('.');
      const claims = { ...JSON.parse(Buffer.from(body, 'base64url')), name: evil, picture: 'javascript:document.title="gone"' };
      answer.id_token = [head, Buffer.from(JSON.stringify(claims)).toString('base64url'), tail].join('.');
      await route.fulfill({ response, json: answer });
    });
    await logIn(page, admin);
    await follow(page, 'Profile');
    await says(page, evil);
    assert.equal(await page.locator('main script, main img[src=x]').count(), 0);
    assert.notEqual(await page.title(), 'gone');
  }, { expected: /a status of 40[13]|Content Security Policy|ERR_UNKNOWN_URL_SCHEME/ }),
  'an API that does not answer, or hides its answer, is said': () => visit(async (page) => {
    await page.route('**/api/messages/**', (route) => route.abort('connectionrefused'));
    await page.route((url) => url.hostname === '127.0.0.1' && url.pathname === '/', (route) => route.abort('connectionrefused'));
    await follow(page, 'Public message');
    await says(page, 'Nothing answers at 127.0.0.1:');
    await page.unrouteAll();
    await page.route('**/api/messages/**', (route) => route.abort('failed'));
    await page.getByRole('button', { name: 'Call again' }).click();
    await says(page, 'The browser hid the answer');
  }, { expected: /Failed to load resource|a status of 404/ }),
};

for (const [name, check] of Object.entries(checks)) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(reject, limit, new Error('not done in time')); });
  const error = await Promise.race([check(), late]).then(() => null, (e) => e.stack);
  clearTimeout(timer);
  console.log(JSON.stringify({ name, error }));
}
process.exit(); // also from a check that was not done in time
