// Looks at every page in Chromium: wide and narrow, light and dark. It is given the address of a server whose
// /pages lists them, and the browser to run; it prints a line of JSON for each fault, and {"looked": n} at the
// end. With a folder as third argument it leaves a picture of each page there.
import { start } from './browser.mjs';
import { axe, look } from './look.mjs';

const [base, executablePath, folder] = process.argv.slice(2);
const print = (line) => console.log(JSON.stringify(line));

const browser = await start(executablePath);
const pages = await (await fetch(base + '/pages')).json();

// Every stop of the Tab key must show where it is and come in the order of reading.
async function walk(page) {
	const faults = [];
	const stops = await page.evaluate(() => {
		const can = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary')];
		const radios = new Set();
		return can.filter((e) => {
			if (e.tabIndex < 0 || !e.checkVisibility()) return false;
			if (e.type !== 'radio') return true;
			if (radios.has(e.name)) return false;
			return radios.add(e.name);
		}).length;
	});
	// A field that took the focus by itself would be where the Tab key begins.
	await page.evaluate(() => {
		document.body.tabIndex = -1;
		document.body.focus();
		document.body.removeAttribute('tabindex');
	});
	let last = -1;
	for (let i = 0; i < stops; i++) {
		await page.keyboard.press('Tab');
		const stop = await page.evaluate(() => {
			const e = document.activeElement;
			const all = [...document.querySelectorAll('*')];
			const style = getComputedStyle(e);
			return { at: all.indexOf(e), body: e === document.body, date: e.type === 'date', ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2, html: e.outerHTML.slice(0, 80) };
		});
		if (stop.date && stop.at === last) { i--; continue; } // its day, month and year are stops of their own
		if (stop.body || stop.at <= last) { faults.push(`stop ${i + 1} of ${stops} is out of order: ${stop.html}`); break; }
		if (!stop.ring) faults.push(`no ring at ${stop.html}`);
		last = stop.at;
	}
	return faults;
}

// Colours and widths change without loading a page again. Words change with the language alone, and are longest
// in German: what breaks there breaks when it is narrow.
const looks = (name) => name.endsWith('-en')
	? [[1280, 'light'], [1280, 'dark'], [390, 'light'], [390, 'dark']]
	: [[390, 'light']];

const page = await (await browser.newContext()).newPage();
let faults = [];
page.on('console', (m) => {
	// A page of an error is answered with its status, which the browser tells as one.
	if (!m.text().includes('the server responded with a status of')) faults.push(`console: ${m.text()}`);
});
page.on('pageerror', (e) => faults.push(`script: ${e.message}`));
page.on('request', (r) => { if (new URL(r.url()).origin !== base) faults.push(`asked ${r.url()}`); });

let looked = 0;
for (const { name, path, status } of pages) {
	const [first] = looks(name);
	await page.setViewportSize({ width: first[0], height: 800 });
	const answer = await page.goto(base + path, { waitUntil: 'load' });
	if (answer.status() !== status) faults.push(`answered ${answer.status()}`);
	await page.evaluate(axe);
	for (const [width, colorScheme] of looks(name)) {
		await page.setViewportSize({ width, height: width === 390 ? 844 : 800 });
		await page.emulateMedia({ colorScheme });
		faults.push(...await look(page));
		if (folder) await page.screenshot({ path: `${folder}/${name}-${width}-${colorScheme}.png`, fullPage: true });
		for (const fault of faults) print({ page: `${name} ${width} ${colorScheme}`, fault });
		faults = [];
		looked++;
	}
	if (name.endsWith('-en')) for (const fault of await walk(page)) print({ page: name, fault });
}
await browser.close();
print({ looked });
