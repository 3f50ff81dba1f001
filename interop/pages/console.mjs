// Looks at pages of the console as an administrator sees them. It is given the address of a server, the browser, who
// logs in, and the paths of the pages on its standard input, one a line; it prints a line of JSON for each fault, and
// {"looked": n} at the end. With a folder as last argument it leaves a picture of each page there.
import { readFileSync } from 'node:fs';
import { start } from './browser.mjs';
import { axe, look } from './look.mjs';

const [base, executablePath, user, password, folder] = process.argv.slice(2);
const paths = readFileSync(0, 'utf8').split('\n').filter(Boolean);
const print = (line) => console.log(JSON.stringify(line));

const browser = await start(executablePath);
let looked = 0;

// Opens the console in a language, and looks at every path at each width and in its colours.
async function tour(locale, looks) {
	const page = await (await browser.newContext({ locale })).newPage();
	let faults = [];
	page.on('console', (m) => faults.push(`console: ${m.text()}`));
	page.on('pageerror', (e) => faults.push(`script: ${e.message}`));
	page.on('dialog', (d) => { faults.push(`a dialog says ${d.message()}`); d.dismiss(); });
	page.on('request', (r) => { if (new URL(r.url()).origin !== base) faults.push(`asked ${r.url()}`); });

	await page.goto(base + '/console/');
	await page.locator('input[name=identifier]').fill(user);
	await page.locator('input[name=password]').fill(password);
	await page.locator('button[value=login]').click();
	await page.waitForURL(base + '/console/');
	for (const path of paths) {
		const [first] = looks;
		await page.setViewportSize({ width: first[0], height: 800 });
		const answer = await page.goto(base + path, { waitUntil: 'load' });
		if (answer.status() !== 200) faults.push(`answered ${answer.status()}`);
		faults.push(...await page.evaluate((lang) => {
			const faults = [];
			if (document.title.trim() === '') faults.push('no title');
			if (document.documentElement.lang !== lang) faults.push(`it is in ${document.documentElement.lang}`);
			if (document.querySelectorAll('h1').length !== 1) faults.push(`${document.querySelectorAll('h1').length} headlines`);
			// The frame is missing from a page of an error.
			if (!document.querySelector('nav a[href="/console/events"]')) faults.push('it is not a page of the console');
			// Names that people chose hold elements like these, and must be read as text.
			if (document.querySelector('[onerror], [onload], script:not([src])')) faults.push('a name became an element');
			return faults;
		}, locale));
		await page.evaluate(axe);
		for (const [width, colorScheme] of looks) {
			await page.setViewportSize({ width, height: width === 390 ? 844 : 800 });
			await page.emulateMedia({ colorScheme });
			faults.push(...await look(page));
			const name = `${locale} ${width} ${colorScheme}`;
			if (folder) await page.screenshot({ path: `${folder}/${(path + ' ' + name).replace(/\W+/g, '-').slice(1, 120)}.png`, fullPage: true });
			for (const fault of faults) print({ page: `${path} ${name}`, fault });
			faults = [];
			looked++;
		}
	}
}

await Promise.all([tour('en', [[1280, 'light'], [390, 'dark']]), tour('de', [[390, 'light']])]);
await browser.close();
print({ looked });
