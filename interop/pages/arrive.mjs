// Follows the pages that go on by themselves to an application of another origin, and prints what arrived
// there as lines of JSON. It is given the addresses of the server and of the application, and the browser.
import { start } from './browser.mjs';

const [server, application, executablePath] = process.argv.slice(2);
const browser = await start(executablePath);
const print = (line) => console.log(JSON.stringify(line));

async function visit(name, options, follow) {
	const page = await (await browser.newContext(options)).newPage();
	const complaints = [];
	page.on('console', (m) => complaints.push(m.text()));
	page.on('pageerror', (e) => complaints.push(e.message));
	print({ name, arrived: await follow(page), complaints });
	await page.context().close();
}
const callback = async (page) => {
	await page.waitForURL(application + '/callback*');
	return JSON.parse(await page.locator('pre').textContent());
};
const logIn = async (page) => {
	await page.goto(server + '/login');
	await page.getByLabel('E-mail or user name').fill('mia@example.com');
	await page.getByLabel('Password').fill('a password');
	await page.keyboard.press('Enter');
	return callback(page);
};
const message = (path) => async (page) => {
	await page.goto(application + path);
	return page.evaluate(() => window.arrived);
};

await visit('login', {}, logIn);
await visit('login without JavaScript', { javaScriptEnabled: false }, logIn);
await visit('form post', {}, async (page) => {
	await page.goto(server + '/form-post', { waitUntil: 'commit' });
	return callback(page);
});
await visit('form post without JavaScript', { javaScriptEnabled: false }, async (page) => {
	await page.goto(server + '/form-post');
	await page.getByRole('button').click();
	return callback(page);
});
await visit('web message', {}, message('/frame'));
await visit('web message in a popup', {}, message('/popup'));
await visit('web message for nobody', {}, message('/denied'));
await browser.close();
