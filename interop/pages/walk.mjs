// Goes through a site as it is told, step by step, and counts the clicks. It is given the browser and whether scripts
// run, and reads a step a line: {"go": url, "calls": other}, {"click": name, "role": role, "nth": n},
// {"press": selector}, {"choose": label}, {"fill": label, "with": text}, {"read": selector}, {"save": file} for what a
// download holds, {"copy": text} for the clipboard after the button that copies what has the text in it, or
// {"picture": file}. It answers each with the headline it has come to, the clicks so far, what was read, and what was
// wrong with the page or the browser complained of. POSTERN_PICTURES names a folder in which it leaves a picture after
// each step.
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
const origins = new Set(); // that may be asked
const page = await context.newPage();
page.on('console', (m) => complaints.push(m.text()));
page.on('pageerror', (e) => complaints.push(e.message));
page.on('dialog', (d) => { complaints.push(`a dialog says ${d.message()}`); d.dismiss(); });
page.on('request', (r) => { if (!r.url().startsWith('data:') && !origins.has(new URL(r.url()).origin)) complaints.push(`asked ${r.url()}`); });

async function press(target) {
	clicks++;
	await target.click();
}

// What is clicked by its name leads to another document, and is done when that is there.
async function follow(target) {
	await Promise.all([page.waitForEvent('load'), press(target)]);
}

const steps = {
	async go({ go, calls }) {
		const { origin } = new URL(go);
		origins.add(origin);
		if (calls) origins.add(calls);
		await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
		clicks++; // where it was printed
		await page.goto(go);
	},
	click: ({ click, role = 'button', nth = 0 }) => follow(page.getByRole(role, { name: click, exact: true }).nth(nth)),
	press: ({ press: selector }) => press(page.locator(selector).first()),
	choose: ({ choose }) => press(page.getByRole('radio', { name: choose }).or(page.getByRole('checkbox', { name: choose })).first()),
	fill: ({ fill, with: text }) => page.getByRole('textbox', { name: new RegExp(`^${fill}`) }).fill(text),
	async picture({ picture }) {
		await page.evaluate(() => scrollTo(0, 0));
		await page.screenshot({ path: picture });
	},
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
	const name = Object.keys(step).find((key) => key in steps);
	const read = await steps[name](step) ?? '';
	if (javaScriptEnabled && (step.go || step.click)) {
		await page.evaluate(axe);
		complaints.push(...await look(page));
	}
	if (process.env.POSTERN_PICTURES) await page.screenshot({ path: `${process.env.POSTERN_PICTURES}/${process.pid}-${clicks}-${name}.png`, fullPage: true });
	console.log(JSON.stringify({ headline: await page.locator('h1').first().innerText(), clicks, read, complaints }));
	complaints = [];
}
await browser.close();
