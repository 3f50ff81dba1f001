// The pages. Each is drawn anew from what the session and the last answer say.

import { code, h, note, panel } from "./dom.js";
import { OAuthError, Session } from "./oauth.js";

const settings = await (await fetch("/settings.json")).json();
const session = new Session(settings, () => draw());
const content = document.getElementById("content");
const clock = (ms) => {
	const at = new Date(ms);
	const today = at.toDateString() === new Date().toDateString();
	return h("time", { datetime: at.toISOString() }, today ? at.toLocaleTimeString() : at.toLocaleString());
};

const pages = {
	"/": { title: "Home", lead: "A single-page application that logs people in and calls an API for them.", show: home },
	"/profile": { title: "Profile", lead: "What the issuer says about you, in the ID token.", show: profile },
	"/public": { title: "Public message", call: "/api/messages/public" },
	"/protected": { title: "Protected message", call: "/api/messages/protected" },
	"/admin": { title: "Admin", call: "/api/messages/admin" },
};

let trouble = null; // of a login
let answer = null; // of the page's call

function home() {
	const text = session.claims
		? [h("p", {}, "You are logged in. Your access token ends at ", clock(session.ends), ", and is renewed before that. ",
			session.renewed ? ["It was last renewed at ", clock(session.renewed), "."] : "It has not been renewed yet.")]
		: [h("p", {}, "Nobody is logged in here. The public message needs nobody, the others do.")];
	const button = session.claims
		? h("button", { class: "plain", type: "button", click: () => session.renew().then(null, fail) }, "Renew the token now")
		: logIn("/");
	return panel("Your token", h("span", { class: session.claims ? "chip good" : "chip" }, session.claims ? "in memory" : "none"), text, h("div", { class: "acts" }, button));
}

function profile() {
	if (!session.claims) return asked("Log in to see your profile.");
	const { name, nickname, email, picture } = session.claims;
	return [
		panel(name || nickname || session.claims.sub, null, h("div", { class: "person" },
			picture && h("img", { class: "initials", src: picture, alt: "" }), h("span", { class: "who" }, h("strong", {}, name), h("span", { class: "muted" }, email)))),
		panel("ID token", null, code("Claims of the ID token", JSON.stringify(session.claims, null, 2))),
	];
}

/** call asks the API, and keeps what came for the page. */
async function call(path) {
	answer = null;
	const token = path.endsWith("/public") ? "" : await session.token();
	const request = [`GET ${path} HTTP/1.1`, `Host: ${new URL(settings.api).host}`, `Origin: ${location.origin}`, token && `Authorization: Bearer ${token.slice(0, 8)}…`].filter(Boolean).join("\n");
	const began = performance.now();
	try {
		const response = await fetch(settings.api + path, { headers: token ? { Authorization: `Bearer ${token}` } : {} });
		const body = await response.text();
		answer = { request, status: response.status, ok: response.ok, took: performance.now() - began, headers: [...response.headers], body };
	} catch {
		// Without a status there is no telling why, but by asking again without wanting to see the answer.
		const there = await fetch(settings.api, { mode: "no-cors" }).then(() => true, () => false);
		answer = { request, there };
	}
}

const verdicts = {
	200: () => ["200: here is the message."],
	401: () => ["401: the API wants another token. ", session.claims ? "" : "You are not logged in, so none was sent. "],
	403: () => ["403: your token is good but gives too little. "],
	503: () => ["503: the API could not find out. This is not your token's fault. "],
};

function message() {
	if (!answer) return h("p", { class: "muted", role: "status" }, "Asking…");
	if (!answer.status) {
		return [answer.there
			? note("bad", h("strong", {}, "The browser hid the answer: "), "the API sent no CORS header with it. Its own log knows what it was.")
			: note("bad", h("strong", {}, `Nothing answers at ${new URL(settings.api).host}. `), "Start it with ", h("code", {}, "postern dev"), "."),
		panel("Request", null, code("Request", answer.request))];
	}
	const verdict = verdicts[answer.status]?.() ?? [`${answer.status}: the API refused. `];
	const explanation = answer.headers.find(([name]) => name === "postern-explanation")?.[1];
	return [
		note(answer.ok ? "good" : "bad", h("strong", {}, verdict), explanation),
		h("div", { class: "beside" },
			panel("Request", null, code("Request", answer.request)),
			panel("Answer", h("span", { class: answer.ok ? "chip good" : "chip bad" }, `${answer.status} · ${Math.round(answer.took)} ms`),
				code("Answer", [answer.headers.map(([name, value]) => `${name}: ${value}\n`).join(""), "\n", pretty(answer.body)].join("")))),
	];
}

function pretty(body) {
	try {
		return JSON.stringify(JSON.parse(body), null, 2);
	} catch {
		return body;
	}
}

const logIn = (path) => h("button", { class: "go", type: "button", click: () => session.login(path).then(null, fail) }, "Log in");
const asked = (text) => panel(text, null, h("div", { class: "acts" }, logIn(location.pathname)));

function fail(error) {
	trouble = error;
	draw();
}

function draw() {
	const page = pages[location.pathname] ?? pages["/"];
	document.title = `${page.title} · Hello World client`;
	for (const link of document.querySelectorAll("#menu a")) {
		if (link.pathname === location.pathname) link.setAttribute("aria-current", "page");
		else link.removeAttribute("aria-current");
	}
	const lead = page.call ? ["Calls ", h("code", {}, `GET ${page.call}`), page.call.endsWith("/public") ? " without a token, across origins." : " with your access token, across origins."] : page.lead;
	const again = page.call && h("button", { class: "go", type: "button", click: () => open(location.pathname) }, "Call again");
	content.replaceChildren(...[
		h("header", { class: "heading" }, h("div", {}, h("h1", {}, page.title), h("p", { class: "lead" }, lead)), again),
		trouble && note("bad", h("strong", {}, trouble instanceof OAuthError ? `${trouble.code}: ` : `${new URL(settings.issuer).host} does not answer: `), trouble.message),
		page.call && !page.call.endsWith("/public") && !session.claims && asked("Log in to send a token along."),
		page.call ? message() : page.show(),
	].flat().filter(Boolean));
	drawPerson();
}

function drawPerson() {
	const { claims } = session;
	document.getElementById("person").replaceChildren(...(claims ? [
		h("div", { class: "person" }, claims.picture && h("img", { class: "initials", src: claims.picture, alt: "" }),
			h("span", { class: "who" }, h("strong", {}, claims.name ?? claims.sub), h("span", { class: "muted" }, claims.email))),
		h("button", { class: "link", type: "button", click: () => session.logout().then(null, fail) }, "Log out"),
		h("p", { class: "hint" }, "Token in memory only, ends ", clock(session.ends)),
	] : [h("button", { class: "link", type: "button", click: () => session.login(location.pathname).then(null, fail) }, "Log in")]));
}

/** open shows the page of the address. */
async function open(path) {
	if (path !== location.pathname) history.pushState(null, "", path);
	const { call: wanted } = pages[path] ?? {};
	answer = null;
	draw();
	if (!wanted) return;
	try {
		await call(wanted);
	} catch (error) {
		trouble = error;
	}
	if (location.pathname === path) draw();
}

document.addEventListener("click", (event) => {
	const link = event.target.closest("#menu a");
	if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
	event.preventDefault();
	document.getElementById("menu").hidePopover?.();
	trouble = null;
	open(link.pathname).then(() => content.focus());
});
addEventListener("popstate", () => open(location.pathname));

try {
	if (location.pathname === "/callback") {
		const query = new URLSearchParams(location.search);
		history.replaceState(null, "", "/"); // the code is nobody's to see or to use again
		const path = await session.arrive(query);
		history.replaceState(null, "", path in pages ? path : "/");
	} else if (await session.resume(location.pathname)) {
		await new Promise(() => {}); // on the way
	}
} catch (error) {
	trouble = error;
}
open(location.pathname);
