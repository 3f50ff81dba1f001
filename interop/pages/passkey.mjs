// Makes a passkey and logs in with it, with a virtual authenticator in the place of a device. It is given the
// address of a server, a path of it that asks for a passkey for an application, and the browser; it prints a line of
// JSON for each thing that happened.
import { start } from './browser.mjs';

const [base, stepUp, executablePath] = process.argv.slice(2);
const browser = await start(executablePath);
const print = (name, seen) => console.log(JSON.stringify({ name, seen }));

async function open(options) {
	const context = await browser.newContext(options);
	await context.route('https://notes.example.com/**', (route) => route.fulfill({ contentType: 'text/html', body: '<title>Notes</title>' }));
	const page = await context.newPage();
	const complaints = [];
	page.on('console', (m) => complaints.push(m.text()));
	page.on('pageerror', (e) => complaints.push(e.message));
	page.on('request', (r) => { if (![base, 'https://notes.example.com'].includes(new URL(r.url()).origin)) complaints.push(`asked ${r.url()}`); });
	return { page, complaints };
}

async function password(page) {
	await page.getByLabel('E-mail or user name').fill('mia');
	await page.getByLabel('Password').fill('a tree grows in Zurich');
	await page.getByRole('button', { name: 'Log in', exact: true }).click();
}
const headline = (page) => page.locator('h1').textContent();

const { page, complaints } = await open();
const devices = await page.context().newCDPSession(page);
await devices.send('WebAuthn.enable');
const { authenticatorId } = await devices.send('WebAuthn.addVirtualAuthenticator', { options: {
	protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
} });

await page.goto(base + '/account/');
await password(page);
await page.getByRole('link', { name: 'Add a passkey' }).click();
await page.getByLabel('What you call it').fill('Virtual telephone');
await page.getByRole('button', { name: 'Make the passkey' }).click();
await page.getByText('The passkey is ready').waitFor();
print('made', await page.getByRole('rowheader').textContent());

// The same device makes no second one.
await page.getByRole('link', { name: 'Add a passkey' }).click();
await page.getByLabel('What you call it').fill('Again');
await page.getByRole('button', { name: 'Make the passkey' }).click();
await page.getByText('No passkey was made').waitFor();
print('none made', await headline(page));

// A step up, from the password that was given above.
await page.goto(base + stepUp);
print('step up', await headline(page));
await page.getByRole('button', { name: 'Use a passkey' }).click();
await page.waitForURL('https://notes.example.com/**');
print('stepped up', new URL(page.url()).searchParams.has('code'));

await page.goto(base + '/account/');
await page.getByRole('button', { name: 'Log out' }).click();
await page.goto(base + '/account/');
await devices.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
await page.getByRole('button', { name: 'Log in with a passkey' }).click();
await page.getByText('No passkey was used').waitFor();
print('not verified', await headline(page));
await devices.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
await page.getByRole('button', { name: 'Log in with a passkey' }).click();
await page.getByRole('heading', { name: 'Your account' }).waitFor();
print('logged in', await headline(page));

// With the keys alone.
await page.getByRole('button', { name: 'Log out' }).click();
await page.goto(base + '/account/');
const offer = page.getByRole('button', { name: 'Log in with a passkey' });
await offer.waitFor();
for (let i = 0; i < 20 && !await offer.evaluate((e) => e === document.activeElement); i++) await page.keyboard.press('Tab');
await page.keyboard.press('Enter');
await page.getByRole('heading', { name: 'Your account' }).waitFor();
print('logged in by keys', await headline(page));

// Whether the browser keeps the session when it is closed, as it was ticked beside the password.
const kept = async () => (await page.context().cookies()).some(({ name, expires }) => /^__Host-postern-[0-9a-f]+$/.test(name) && expires > 0);
print('kept without a word', await kept());
await page.getByRole('button', { name: 'Log out' }).click();
await page.goto(base + '/account/');
await page.locator('[name=remember]').check();
await page.getByRole('button', { name: 'Log in with a passkey' }).click();
await page.getByRole('heading', { name: 'Your account' }).waitFor();
print('kept', await kept());
print('complaints', complaints);

const plain = await open({ javaScriptEnabled: false });
await plain.page.goto(base + '/account/');
print('without JavaScript', await plain.page.getByRole('button', { name: 'passkey' }).isVisible());
await password(plain.page);
print('by password', await headline(plain.page));
print('complaints without JavaScript', plain.complaints);
await browser.close();
