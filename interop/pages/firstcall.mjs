// Goes from the link of the first administrator to a call that can be pasted, as somebody does who has just started
// a server, and counts the clicks. It is given the link, the identifier of the API to make, and the browser; it
// prints what was copied, how many clicks it took, and what the browser complained of.
import { start } from './browser.mjs';
import { axe, look } from './look.mjs';

const [link, identifier, executablePath] = process.argv.slice(2);
const { origin } = new URL(link);
const browser = await start(executablePath);
const context = await browser.newContext({ locale: 'en', viewport: { width: 1280, height: 800 } });
await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
let clicks = 1; // on the link, where it was printed
await context.exposeBinding('clicked', () => { clicks++; });
await context.addInitScript(() => addEventListener('click', (e) => { if (e.isTrusted) window.clicked(); }, true));
const page = await context.newPage();
const complaints = [];
page.on('console', (m) => complaints.push(m.text()));
page.on('pageerror', (e) => complaints.push(e.message));
page.on('request', (r) => { if (new URL(r.url()).origin !== origin) complaints.push(`asked ${r.url()}`); });
const headlines = [];
const headline = async () => headlines.push(await page.locator('h1').textContent());

await page.goto(link);
await headline();
await page.getByRole('button').first().click();
await headline();
await page.getByRole('link', { name: 'APIs', exact: true }).first().click();
await headline();
await page.getByRole('link', { name: 'Create API', exact: true }).first().click();
await headline();
await page.getByLabel('Name', { exact: true }).fill('Hello world');
await page.getByRole('textbox', { name: 'Identifier' }).fill(identifier);
await page.getByRole('textbox', { name: 'Permissions' }).fill('read:messages Read messages');
await page.getByRole('button', { name: 'Create API' }).click();
await headline();
await page.evaluate(axe);
complaints.push(...await look(page));
await page.locator('[data-copy*="curl"]').click();
const copied = await page.evaluate(() => navigator.clipboard.readText());
console.log(JSON.stringify({ copied, clicks, headlines, complaints }));
await browser.close();
