// Elements, made of text and never of markup: what an issuer or an API sends stays text.

/** h makes an element. Attributes whose value is false, null or undefined are left out; functions listen. */
export function h(name, attributes = {}, ...children) {
	const element = document.createElement(name);
	for (const [key, value] of Object.entries(attributes)) {
		if (typeof value === "function") element.addEventListener(key, value);
		else if (value !== false && value != null) element.setAttribute(key, value === true ? "" : value);
	}
	element.append(...children.flat(Infinity).filter((child) => child !== false && child != null));
	return element;
}

/** note says something in a box: kind is good, bad or warn. */
export const note = (kind, ...children) =>
	h("div", { class: `note ${kind}`, role: kind === "bad" ? "alert" : "status" }, h("p", {}, children));

/** panel is a card with a title. */
export const panel = (title, aside, ...children) =>
	h("section", { class: "panel" }, h("header", {}, h("h2", {}, title), aside), children);

/** code shows text as it came. The box scrolls, so the keyboard has to reach it. */
export const code = (label, text) => h("pre", { class: "code", tabindex: "0", role: "region", "aria-label": label }, text);
