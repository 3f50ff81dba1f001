import { chromium } from 'playwright-core';

// Starts the browser that is installed here, which asks nothing of the network by itself.
export const start = (executablePath) => chromium.launch({
	executablePath,
	args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
