// A person with a browser that runs no scripts, for the clients that need somebody who logs in. The browser keeps
// cookies, says of a request what browsers say, and follows redirects and Refresh.

import http from 'node:http';
import https from 'node:https';

const hops = 15; // more than any way through

export class Person {
  #cookies = new Map(); // of a host: browsers ignore the port

  // user and password are what the person types where a page asks for them.
  constructor({ user, password }) {
    this.typed = { identifier: user, password };
    this.seen = []; // the titles of the pages
  }

  // open goes to an address and wherever that leads, and answers no page.
  open(url, stop) {
    return this.#go({ url: new URL(url) }, 'none', stop);
  }

  // goThrough opens an address and answers each page: it logs in, and allows what it is asked for. It returns the
  // page that asks nothing, or what it would have sent to stop.
  async goThrough(url, stop) {
    let page = await this.open(url, stop);
    for (let form; (form = page.form); ) {
      if (form.fields.password === this.typed.password) throw new Error(`the log-in is refused: ${page.text}`);
      page = await this.answer(page, stop);
    }
    return page;
  }

  // answer fills in the form of a page, with fields or with what the person types, and presses its button.
  answer(page, stop, fields = {}) {
    const { form } = page;
    for (const name of ['identifier', 'password']) if (name in form.fields) form.fields[name] = this.typed[name];
    const pressed = form.buttons.find((value) => ['login', 'allow', 'code', 'logout'].includes(value));
    const sent = new URLSearchParams({ ...form.fields, ...(pressed && { answer: pressed }), ...fields });
    return this.#go({ url: form.action, body: sent.toString(), origin: page.url.origin }, page.url, stop);
  }

  async #go(request, from, stop) {
    for (let i = 0; i < hops; i++) {
      if (stop && request.url.href.split('?')[0] === stop) return { url: request.url, body: request.body };
      const answer = await this.#send(request, from);
      const { location, refresh } = answer.headers;
      const next = location ?? refresh?.match(/^0; ?url=(.*)$/)?.[1];
      if (!next) return new Page(request.url, answer, (title) => this.seen.push(title));
      from = request.url;
      const again = answer.status === 307 || answer.status === 308;
      request = { ...(again && request), url: new URL(next, request.url) };
    }
    throw new Error(`more than ${hops} redirects, the last to ${request.url}`);
  }

  #send({ url, body, origin }, from) {
    const site = from === 'none' ? 'none' : from.origin === url.origin ? 'same-origin' : 'cross-site';
    const headers = {
      Accept: 'text/html', Cookie: this.#of(url),
      'Sec-Fetch-Site': site, 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document',
      ...(body !== undefined && { 'Content-Type': 'application/x-www-form-urlencoded', Origin: origin }),
    };
    return new Promise((resolve, reject) => {
      const { request } = url.protocol === 'https:' ? https : http;
      const sent = request(url, { method: body === undefined ? 'GET' : 'POST', headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part) => { text += part; }).on('error', reject).on('end', () => {
          for (const cookie of answer.headers['set-cookie'] ?? []) this.#keep(url, cookie);
          resolve({ status: answer.statusCode, headers: answer.headers, text });
        });
      });
      sent.on('error', reject).end(body);
    });
  }

  #of({ hostname }) {
    return [...this.#cookies].filter(([key]) => key.startsWith(`${hostname} `)).map(([, cookie]) => cookie).join('; ');
  }

  #keep({ hostname }, cookie) {
    const [pair, ...attributes] = cookie.split(/; */);
    const key = `${hostname} ${pair.split('=')[0]}`;
    const gone = attributes.some((text) => {
      const [name, value] = text.split('=');
      return /^max-age$/i.test(name) ? Number(value) <= 0 : /^expires$/i.test(name) && Date.parse(value) <= Date.now();
    });
    if (gone) this.#cookies.delete(key);
    else this.#cookies.set(key, pair);
  }
}

class Page {
  constructor(url, { status, headers, text }, seen) {
    Object.assign(this, { url, status, headers, text });
    const title = text.match(/<title>(.*?)<\/title>/)?.[1];
    if (title) seen(title);
    const [, tag, inside] = text.match(/<form([^>]*)>(.*?)<\/form>/s) ?? [];
    if (tag) {
      this.form = { action: new URL(attribute(tag, 'action') ?? '', url), fields: {}, buttons: [] };
      for (const [, input] of inside.matchAll(/<input([^>]*)>/g)) this.form.fields[attribute(input, 'name')] = attribute(input, 'value') ?? '';
      for (const [, button] of inside.matchAll(/<button([^>]*)>/g)) this.form.buttons.push(attribute(button, 'value'));
    }
  }
}

const characters = { amp: '&', lt: '<', gt: '>', quot: '"', '#34': '"', '#39': "'", '#43': '+' };
const attribute = (tag, name) =>
  tag.match(new RegExp(`\\s${name}="([^"]*)"`))?.[1].replace(/&(#?\w+);/g, (text, entity) => characters[entity] ?? text);
