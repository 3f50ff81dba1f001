// What the console's pages gain from a script. Without it they do the same by hand.

// Copy buttons are hidden until there is something to press them for.
for (const button of document.querySelectorAll("[data-copy]")) {
	button.hidden = false;
	const word = button.textContent;
	button.addEventListener("click", async () => {
		await navigator.clipboard.writeText(button.dataset.copy);
		button.textContent = "✓ " + word;
		setTimeout(() => { button.textContent = word; }, 2000);
	});
}

// Times are the server's, in UTC, until here: then the reader's, relative within a day.
const language = document.documentElement.lang;
const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
const near = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
function tell() {
	for (const element of document.querySelectorAll("time[datetime]")) {
		const at = new Date(element.dateTime);
		const seconds = Math.round((at - Date.now()) / 1000);
		const [amount, unit] = Math.abs(seconds) < 60 ? [seconds, "second"] : Math.abs(seconds) < 3600 ? [seconds / 60, "minute"] : [seconds / 3600, "hour"];
		element.title = exact.format(at);
		element.textContent = Math.abs(seconds) < 86_400 ? near.format(Math.trunc(amount), unit) : exact.format(at);
	}
}
tell();
setInterval(tell, 30_000);

// A slash goes to the search field, as in other consoles, but where somebody types.
document.addEventListener("keydown", (event) => {
	if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
	event.preventDefault();
	document.querySelector("input[type=search]")?.focus();
});

// The page of events is live: when there are new ones, it is asked for again and its list changed. Not while somebody is
// busy with the list, or has paused it: then a button waits.
const live = document.querySelector(".live");
if (live) {
	const [refresh, pause, show, status] = ["refresh", "pause", "show", "new"].map((name) => live.querySelector(`[data-${name}]`));
	const list = live.lastElementChild;
	let waiting = 0, said = 0, lost = false;
	refresh.hidden = true;
	pause.hidden = false;
	const busy = () => pause.getAttribute("aria-pressed") === "true" || scrollY > 0 || list.matches(":hover, :focus-within");
	const say = () => {
		if (!waiting || lost || Date.now() - said < 10_000) return;
		said = Date.now();
		status.textContent = status.dataset.new.replace("#", waiting);
	};
	const renew = async () => {
		const answer = await fetch(location.href).catch(() => undefined);
		if (!answer?.ok || answer.redirected) return;
		const page = new DOMParser().parseFromString(await answer.text(), "text/html");
		const newer = page.querySelector(".live")?.lastElementChild;
		if (!newer) return;
		list.replaceChildren(...newer.childNodes);
		waiting = 0;
		show.hidden = true;
		if (!lost) status.textContent = "";
		tell();
	};
	show.addEventListener("click", renew);
	pause.addEventListener("click", () => {
		const on = pause.getAttribute("aria-pressed") === "true";
		pause.setAttribute("aria-pressed", String(!on));
		if (on) renew();
	});
	const listen = () => {
		const stream = new EventSource(live.dataset.stream);
		stream.onmessage = (event) => {
			waiting += Number(event.data);
			if (!busy()) return renew();
			show.hidden = false;
			say();
		};
		stream.onopen = () => {
			if (!lost) return;
			lost = false;
			status.textContent = "";
			if (!busy()) renew();
		};
		stream.onerror = () => {
			if (!lost) status.textContent = status.dataset.lost.replace("#", new Date().toLocaleTimeString(language));
			lost = true;
			if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 10_000);
		};
	};
	listen();
	setInterval(say, 10_000);
}
