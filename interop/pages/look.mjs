// What every look at a page asks of it, whichever page it is.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

export const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// A page must fit, and what is pressed must be large enough. It runs in the page.
function fits() {
	const faults = [];
	const root = document.documentElement;
	if (root.scrollWidth > root.clientWidth) faults.push(`it is ${root.scrollWidth - root.clientWidth} px too wide`);
	for (const e of document.querySelectorAll('a, button, input:not([type=hidden]), select, summary')) {
		const { width, height } = e.getBoundingClientRect();
		if (e.checkVisibility() && e.ariaHidden !== 'true' && !e.matches('.skip, input[type=radio], input[type=checkbox]') && (width < 20 || height < 20)) {
			faults.push(`${e.outerHTML.slice(0, 80)} is ${Math.round(width)} × ${Math.round(height)} px small`);
		}
	}
	return faults;
}

// Returns what is wrong with a page, into which axe has been put, as it is seen now.
export async function look(page) {
	const faults = await page.evaluate(fits);
	return faults.concat(await page.evaluate(() => axe.run(document, {
		resultTypes: ['violations'],
		runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice'],
	}).then((r) => r.violations.map((v) => `axe ${v.id}: ` + v.nodes.map((n) => `${n.html.slice(0, 120)} ${n.any[0]?.message ?? ''}`).join(' | ')))));
}
