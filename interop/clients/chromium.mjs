// What the programs share that watch a single-page application in Chromium.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProfile } from '../pages/browser.mjs';

export const wait = 15_000; // milliseconds that one step may take

// serve answers on a port of localhost with what files(path) returns, a [type, content] each: a site other than that
// of the server, which is at an address, so that the server's cookies are a third party's in a frame of the
// application.
export function serve(port, files) {
  const server = createServer((request, response) => {
    const [type, content] = files(new URL(request.url, 'http://localhost').pathname);
    response.setHeader('Content-Type', type);
    response.end(content);
  });
  return new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
}

// visit follows a browser that nobody has logged in with. What is to become of a third party's cookies is said either
// way, for the browser's own choice changes from one version to the next.
export async function visit(chromium, { cookies }, follow) {
  const profile = mkdtempSync(join(tmpdir(), 'visit-'));
  let context;
  try {
    mkdirSync(join(profile, 'Default'));
    writeFileSync(join(profile, 'Default', 'Preferences'), JSON.stringify({
      profile: { cookie_controls_mode: cookies ? 0 : 1, block_third_party_cookies: !cookies },
    }));
    // The browser does not know the certificate authority of `postern dev`.
    context = await startProfile(chromium, profile, { ignoreHTTPSErrors: true });
    context.setDefaultTimeout(wait);
    await follow(context);
  } finally {
    await context?.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

// enter fills in the log-in page that is due.
export async function enter(page, { user, password }) {
  await page.getByLabel('E-mail or user name').fill(user);
  await page.getByLabel('Password').fill(password);
  await page.keyboard.press('Enter');
}
