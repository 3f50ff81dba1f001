import { chromium } from 'playwright-core';

// The browser that is installed here, which asks nothing of the network by itself.
const installed = (executablePath) => ({
	executablePath,
	args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

export const start = (executablePath) => chromium.launch(installed(executablePath));

// Starts the browser on a profile, whose preferences it obeys. A context of start's has none: it is incognito.
export const startProfile = (executablePath, folder, options) =>
	chromium.launchPersistentContext(folder, { ...installed(executablePath), ...options });
