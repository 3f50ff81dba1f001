// Asks the browser for a passkey, to log in with or to make, and sends what it gives as a form. Without this script,
// or in a browser that cannot do it, the form stays hidden: there are other ways.
const form = document.querySelector('form[data-challenge]');
const make = form.dataset.makes !== undefined;
const parse = window.PublicKeyCredential?.[make ? 'parseCreationOptionsFromJSON' : 'parseRequestOptionsFromJSON'];

async function answer() {
	const asked = await fetch(form.dataset.challenge, {
		method: 'POST',
		headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
	});
	if (!asked.ok || asked.redirected) throw new Error(`${asked.status} from the server`);
	const options = { publicKey: parse.call(PublicKeyCredential, await asked.json()) };
	const credential = await (make ? navigator.credentials.create(options) : navigator.credentials.get(options));
	return JSON.stringify(credential);
}

if (parse) {
	const button = form.querySelector('button');
	const failure = form.querySelector('[role=alert]');
	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		failure.hidden = true;
		button.disabled = true;
		try {
			form.elements.passkey.value = await answer();
			const choice = document.createElement('input'); // form.submit() leaves the button out
			Object.assign(choice, { type: 'hidden', name: button.name, value: button.value });
			form.append(choice);
			form.submit();
		} catch {
			// What went wrong is between the person and their device: the browser has told them.
			failure.hidden = false;
			button.disabled = false;
			button.focus();
		}
	});
	form.hidden = false;
}
