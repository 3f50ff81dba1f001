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
