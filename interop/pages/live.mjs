// Watches the page of events as an administrator. It is given the address of a server, the browser and who logs in; it
// answers each line of its standard input, an array of what to do and with what, with a line.
import { createInterface } from 'node:readline';
import { start } from './browser.mjs';

const [base, executablePath, user, password] = process.argv.slice(2);
const browser = await start(executablePath);
const page = await (await browser.newContext({ locale: 'en' })).newPage();
const faults = [];
page.on('pageerror', (e) => faults.push(e.message));
await page.goto(base + '/console/events');
await page.locator('input[name=identifier]').fill(user);
await page.locator('input[name=password]').fill(password);
await page.locator('button[value=login]').click();
await page.waitForURL(base + '/console/events');

const list = page.locator('.live > div');
const acts = {
	appears: (text) => list.getByText(text).first().waitFor(),
	lacks: async (text) => { if (await list.getByText(text).count()) throw new Error(`${text} is there`); },
	press: (name) => page.getByRole('button', { name, exact: true }).click(),
	waits: (name) => page.getByRole('button', { name, exact: true }).waitFor(),
	says: (text) => page.locator('[role=status]').getByText(text).first().waitFor(),
};
for await (const line of createInterface({ input: process.stdin })) {
	const [act, what] = JSON.parse(line);
	let fault = '';
	try {
		await acts[act](what);
	} catch (e) {
		fault = e.message;
	}
	console.log(JSON.stringify([fault, ...faults].filter(Boolean)));
}
await browser.close();
