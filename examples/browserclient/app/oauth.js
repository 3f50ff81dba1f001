// Logging people in from a page that keeps no secret: the authorization code flow (RFC 6749 §4.1) with PKCE
// (RFC 7636), the issuer's name in the answer (RFC 9207), refresh tokens that rotate, OpenID Connect Core and
// RP-Initiated Logout. Tokens live in this module's memory and nowhere else.

/** An OAuthError is the answer of an issuer that says no. */
export class OAuthError extends Error {
	constructor(code, description) {
		super(description || code);
		this.code = code;
	}
}

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const challenge = async (verifier) => base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));

/** claimsOf reads a JWT's claims. Whoever got it from its issuer over TLS need not check its signature (OpenID Connect Core §3.1.3.7). */
function claimsOf(jwt) {
	const body = jwt.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
	return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(body), (c) => c.charCodeAt(0))));
}

/** A Session is who is logged in to this page. It calls changed() whenever that may have become somebody else. */
export class Session {
	claims = null; // of the ID token; null: nobody is logged in
	idToken = "";
	ends = 0; // when the access token does, in milliseconds
	renewed = 0; // when it was last renewed; 0: never
	#settings;
	#changed;
	#metadata;
	#access = "";
	#refresh = "";
	#renewal; // under way
	#timer;

	constructor(settings, changed) {
		this.#settings = settings;
		this.#changed = changed;
	}

	/** login leaves for the issuer, and comes back to the path. With prompt "none" nobody is asked anything. */
	async login(path, prompt) {
		const metadata = await this.#discover();
		const state = random(), nonce = random(), verifier = random();
		sessionStorage.setItem("login." + state, JSON.stringify({ nonce, verifier, path, prompt }));
		const { client_id, callback, audience } = this.#settings;
		const url = new URL(metadata.authorization_endpoint);
		url.search = new URLSearchParams({
			response_type: "code", client_id, redirect_uri: callback, state, nonce,
			scope: "openid profile email offline_access", resource: audience,
			code_challenge: await challenge(verifier), code_challenge_method: "S256",
			...(prompt && { prompt }),
		});
		location.assign(url);
	}

	/** resume logs in again, without a question, whom a reload has made us forget. It reports whether it leaves the page. */
	async resume(path) {
		if (this.claims || !sessionStorage.getItem("was")) return false;
		sessionStorage.removeItem("was"); // one try
		await this.login(path, "none");
		return true;
	}

	/** arrive takes the issuer's answer at the callback, and returns the path to go on to. */
	async arrive(query) {
		const key = "login." + query.get("state");
		const kept = JSON.parse(sessionStorage.getItem(key));
		sessionStorage.removeItem(key);
		if (!kept) throw new OAuthError("unknown_state", "This answer belongs to no login that was begun here, or it has been used.");
		const metadata = await this.#discover();
		if (metadata.authorization_response_iss_parameter_supported && query.get("iss") !== metadata.issuer) {
			throw new OAuthError("wrong_issuer", `The answer is from ${query.get("iss")}, expected ${metadata.issuer}.`);
		}
		if (query.has("error")) {
			if (kept.prompt === "none") return kept.path; // nobody is logged in there any more
			throw new OAuthError(query.get("error"), query.get("error_description"));
		}
		await this.#ask({ grant_type: "authorization_code", code: query.get("code"), redirect_uri: this.#settings.callback, code_verifier: kept.verifier }, kept.nonce);
		return kept.path;
	}

	/** token returns an access token that is good for a while yet; "" when nobody is logged in. */
	async token() {
		if (this.#access && Date.now() > this.ends - 10_000) await this.renew();
		return this.#access;
	}

	/** renew gets another access token. Whoever calls meanwhile shares it: a refresh token is used once. */
	renew() {
		this.#renewal ??= this.#renew().finally(() => { this.#renewal = undefined; });
		return this.#renewal;
	}

	async #renew() {
		try {
			await this.#ask({ grant_type: "refresh_token", refresh_token: this.#refresh });
			this.renewed = Date.now();
		} catch (error) {
			if (error instanceof OAuthError) this.#forget(); // anything else may pass
			throw error;
		} finally {
			this.#changed();
		}
	}

	/** logout ends the session here and at the issuer. */
	async logout() {
		const { end_session_endpoint } = await this.#discover();
		const hint = this.idToken;
		this.#forget();
		const url = new URL(end_session_endpoint);
		url.search = new URLSearchParams({
			client_id: this.#settings.client_id, post_logout_redirect_uri: location.origin, ...(hint && { id_token_hint: hint }),
		});
		location.assign(url);
	}

	#forget() {
		clearTimeout(this.#timer);
		sessionStorage.removeItem("was");
		this.claims = null;
		this.#access = this.#refresh = this.idToken = "";
	}

	async #ask(parameters, nonce) {
		const metadata = await this.#discover();
		const began = Date.now();
		const response = await fetch(metadata.token_endpoint, {
			method: "POST", body: new URLSearchParams({ client_id: this.#settings.client_id, ...parameters }),
		});
		const answer = await response.json();
		if (!response.ok) throw new OAuthError(answer.error, answer.error_description);
		if (answer.id_token) this.#check(claimsOf(answer.id_token), metadata, nonce);
		this.#access = answer.access_token;
		this.#refresh = answer.refresh_token ?? this.#refresh;
		this.idToken = answer.id_token ?? this.idToken;
		this.claims = claimsOf(this.idToken);
		this.ends = began + answer.expires_in * 1000;
		sessionStorage.setItem("was", "logged in");
		clearTimeout(this.#timer);
		if (this.#refresh) {
			const ahead = Math.min(60_000, answer.expires_in * 500);
			this.#timer = setTimeout(() => this.renew().catch(() => {}), Math.min(this.ends - Date.now() - ahead, 2 ** 31 - 1));
		}
	}

	#check(claims, metadata, nonce) {
		const { client_id } = this.#settings;
		const fault = claims.iss !== metadata.issuer ? "issuer"
			: ![claims.aud].flat().includes(client_id) ? "audience"
			: nonce && claims.nonce !== nonce ? "nonce"
			: this.claims && claims.sub !== this.claims.sub ? "person"
			: claims.exp * 1000 < Date.now() - 60_000 ? "time" : "";
		if (fault) throw new OAuthError("wrong_id_token", `The ID token has another ${fault} than expected.`);
	}

	async #discover() {
		const { issuer } = this.#settings;
		this.#metadata ??= fetch(issuer.replace(/\/$/, "") + "/.well-known/openid-configuration").then(async (response) => {
			const metadata = await response.json();
			if (metadata.issuer !== issuer) throw new OAuthError("wrong_issuer", `${issuer} calls itself ${metadata.issuer}.`);
			return metadata;
		});
		try {
			return await this.#metadata;
		} catch (error) {
			this.#metadata = undefined; // the next one asks again
			throw error;
		}
	}
}
