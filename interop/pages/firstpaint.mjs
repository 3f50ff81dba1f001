// Measures how long pages of a server take to their first paint in a browser that has never seen it: with an empty
// cache and a new profile each time. It is given the address, the browser, who logs in, and the paths on its standard
// input; it prints the median of five, a line each.
import { readFileSync } from 'node:fs';
import { start } from './browser.mjs';

const [base, executablePath, user, password] = process.argv.slice(2);
const paths = readFileSync(0, 'utf8').split('\n').filter(Boolean);
const browser = await start(executablePath);
const entered = await browser.newContext();
const page = await entered.newPage();
await page.goto(base + '/console/');
await page.locator('input[name=identifier]').fill(user);
await page.locator('input[name=password]').fill(password);
await page.locator('button[value=login]').click();
await page.waitForURL(base + '/console/');
const cookies = await entered.cookies();
for (const path of ['/login page', ...paths]) {
	const took = [];
	for (let i = 0; i < 5; i++) {
		const context = await browser.newContext(); // with a cache of its own
		if (path !== '/login page') await context.addCookies(cookies);
		const page = await context.newPage();
		await page.goto(base + (path === '/login page' ? '/console/' : path));
		took.push(await page.evaluate(() => new Promise((resolve) => {
			const told = (entries) => entries.find((e) => e.name === 'first-contentful-paint')?.startTime;
			const already = told(performance.getEntriesByType('paint'));
			if (already) resolve(already);
			else new PerformanceObserver((list) => told(list.getEntries()) && resolve(told(list.getEntries()))).observe({ type: 'paint', buffered: true });
		})));
		await context.close();
	}
	took.sort((a, b) => a - b);
	console.log(JSON.stringify({ path, median: took[2], most: took[4] }));
}
await browser.close();
