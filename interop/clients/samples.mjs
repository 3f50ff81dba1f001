// The applications of ../samples in Chromium, each with the SDK that it names, as they are published. It prints a
// line of JSON for every check, as checks.mjs says. Its argument is a JSON file:
//
//   {"domain", "clientId", "audience", "api", "port", "user", "password", "other", "otherPassword", "chromium"}
//
// user may read the admin's messages, and other may not.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { bundle } from '../samples/build.mjs';
import { report } from './checks.mjs';
import { enter, serve, visit } from './chromium.mjs';

const given = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const origin = `http://localhost:${given.port}`;
const configuration = {
  domain: given.domain, clientId: given.clientId, audience: given.audience, callback: `${origin}/callback`, api: given.api,
};
const html = `<!doctype html><title>Application</title><div id="root"></div>
<script>window.configuration = ${JSON.stringify(configuration)}</script><script type="module" src="/application.js"></script>`;

let application; // that is being served
await serve(given.port, (path) => path === '/application.js' ? ['text/javascript', application] : ['text/html', html]);

async function shows(page, text) {
  await page.locator('main').getByText(text).waitFor();
}

const profile = async (page) => JSON.parse(await page.locator('main pre').textContent());

async function follow(context) {
  const page = await context.newPage();
  const console = [];
  page.on('console', (message) => message.type() === 'error' && console.push(message.text()));

  await page.goto(`${origin}/public`);
  await shows(page, 'This is a public message.');

  // Who comes to a page that wants a log-in comes back to it.
  await page.goto(`${origin}/profile`);
  await enter(page, given);
  await page.waitForURL(`${origin}/profile`);
  const { sub, name, given_name, family_name, nickname, email, email_verified, updated_at } = await profile(page);
  assert.deepEqual({ name, given_name, family_name, nickname, email, email_verified }, {
    name: 'Uma User', given_name: 'Uma', family_name: 'User', nickname: 'uma', email: given.user, email_verified: true,
  });
  assert.match(sub, /./);
  await page.locator('main img').evaluate((image) => image.decode());
  assert.match(updated_at, /^\d{4}-\d\d-\d\dT/);

  // An access token comes with the log-in, and opens the API to whom it may.
  await page.getByRole('link', { name: 'protected' }).click();
  await shows(page, 'This is a protected message.');
  await page.getByRole('link', { name: 'admin' }).click();
  await shows(page, 'This is an admin message.');

  // A reload forgets the tokens. Without a third party's cookies a page that wants a log-in goes to the server and
  // comes back from it, and nobody types anything.
  await page.goto(`${origin}/admin`);
  await shows(page, 'This is an admin message.');

  await page.getByRole('button', { name: 'Log Out' }).click();
  await page.getByRole('button', { name: 'Log In' }).click();
  await enter(page, { user: given.other, password: given.otherPassword });
  await page.waitForURL(`${origin}/profile`);
  assert.equal((await profile(page)).name, 'Otto Other');
  await page.getByRole('link', { name: 'admin' }).click();
  await shows(page, 'Permission denied');
  await page.getByRole('link', { name: 'protected' }).click();
  await shows(page, 'This is a protected message.');
  assert.deepEqual(console.filter((text) => !text.includes('403')), []);
}

const checks = {};
for (const name of ['react.jsx', 'angular.ts', 'vue.js', 'vue2.js', 'svelte.js']) {
  checks[name] = async () => {
    application = await bundle(name);
    await visit(given.chromium, { cookies: false }, follow);
  };
}
await report(checks);
