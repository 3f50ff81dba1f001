// Asks the browser for a passkey, to log in with or to make, and sends what it gives as a form. Without this script,
// or in a browser that cannot do it, the offer stays hidden: there are other ways, or the page says so.
const form = document.getElementById('passkey');
const offer = document.querySelector('[data-offer]');
const { challenge, makes } = form.dataset;
const parse = window.PublicKeyCredential?.[makes ? 'parseCreationOptionsFromJSON' : 'parseRequestOptionsFromJSON'];

async function ask() {
	const asked = await fetch(challenge, {
		method: 'POST',
		headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
	});
	if (!asked.ok || asked.redirected) throw new Error(`${asked.status} from the server`);
	return asked.json();
}

async function answer() {
	const publicKey = parse.call(PublicKeyCredential, makes ? JSON.parse(makes) : await ask());
	const credential = await navigator.credentials[makes ? 'create' : 'get']({ publicKey });
	return JSON.stringify(credential);
}

if (parse) {
	const button = offer.querySelector('button');
	const failure = offer.querySelector('[role=alert][hidden]');
	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		failure.hidden = true;
		button.disabled = true;
		try {
			form.elements.passkey.value = await answer();
			// form.submit() leaves the button out, and what was ticked beside the password counts here too.
			for (const said of [button, document.querySelector('[name=remember]:checked')]) {
				if (!said?.name) continue;
				const choice = document.createElement('input');
				Object.assign(choice, { type: 'hidden', name: said.name, value: said.value });
				form.append(choice);
			}
			form.submit();
		} catch {
			// What went wrong is between the person and their device: the browser has told them.
			failure.hidden = false;
			button.disabled = false;
			button.focus();
		}
	});
	offer.hidden = false;
	const cannot = document.querySelector('[data-cannot]');
	if (cannot) cannot.hidden = true;
}
