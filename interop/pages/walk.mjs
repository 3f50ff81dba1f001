// Goes through a site as it is told, step by step, and counts the clicks. It is given the browser and whether scripts
// run, and reads a step a line: {"go": url}, {"click": name, "role": role, "nth": n}, {"choose": label},
// {"fill": label, "with": text}, {"read": selector}, {"save": file} for what a download holds, or {"copy": text} for
// the clipboard after the button that copies what has the text in it. It answers each with the headline it has come
// to, the clicks so far, what was read, and what was wrong with the page or the browser complained of.
import { createInterface } from 'node:readline';
import { start } from './browser.mjs';
import { axe, look } from './look.mjs';

const [executablePath, scripts] = process.argv.slice(2);
const javaScriptEnabled = scripts !== 'without-scripts';
const browser = await start(executablePath);
const context = await browser.newContext({ locale: 'en', viewport: { width: 1280, height: 800 }, javaScriptEnabled });
context.setDefaultTimeout(20_000);
let clicks = 0;
let complaints = [];
let origin;
const page = await context.newPage();
page.on('console', (m) => complaints.push(m.text()));
page.on('pageerror', (e) => complaints.push(e.message));
page.on('dialog', (d) => { complaints.push(`a dialog says ${d.message()}`); d.dismiss(); });
page.on('request', (r) => { if (!r.url().startsWith('data:') && new URL(r.url()).origin !== origin) complaints.push(`asked ${r.url()}`); });

async function press(target) {
	clicks++;
	await target.click();
	await page.waitForLoadState('load');
}

const steps = {
	async go({ go }) {
		origin = new URL(go).origin;
		await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
		clicks++; // where it was printed
		await page.goto(go);
	},
	click: ({ click, role = 'button', nth = 0 }) => press(page.getByRole(role, { name: click, exact: true }).nth(nth)),
	choose: ({ choose }) => press(page.getByRole('radio', { name: choose }).or(page.getByRole('checkbox', { name: choose })).first()),
	fill: ({ fill, with: text }) => page.getByRole('textbox', { name: new RegExp(`^${fill}`) }).fill(text),
	read: ({ read }) => page.locator(read).first().innerText(),
	async save({ save }) {
		const link = page.locator(`a[download="${save}"]`);
		const waiting = page.waitForEvent('download');
		await press(link);
		let text = '';
		for await (const part of await (await waiting).createReadStream()) text += part;
		return text;
	},
	async copy({ copy }) {
		if (!javaScriptEnabled) clicks++; // by hand
		if (!javaScriptEnabled) return page.locator('pre.code', { hasText: copy }).first().innerText();
		await press(page.locator('[data-copy]').filter({ visible: true }).and(page.locator(`[data-copy*=${JSON.stringify(copy)}]`)).first());
		return page.evaluate(() => navigator.clipboard.readText());
	},
};

for await (const line of createInterface({ input: process.stdin })) {
	const step = JSON.parse(line);
	const read = await steps[Object.keys(step)[0]](step) ?? '';
	if (javaScriptEnabled && (step.go || step.click)) {
		await page.evaluate(axe);
		complaints.push(...await look(page));
	}
	console.log(JSON.stringify({ headline: await page.locator('h1').first().innerText(), clicks, read, complaints }));
	complaints = [];
}
await browser.close();
