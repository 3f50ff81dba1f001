"""A browser of a person who has no JavaScript: it keeps cookies, follows what leads on, and sends forms."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests


@dataclass
class Form(HTMLParser):
    """The first form of a page that is sent by POST, and the fields that it holds already."""

    text: str
    action: str | None = None
    fields: dict = field(default_factory=dict)

    def __post_init__(self):
        super().__init__()
        self._inside = False
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and self.action is None and attributes.get("method") == "post":
            self.action, self._inside = attributes["action"], True
        elif tag == "input" and self._inside and attributes.get("type") == "hidden":
            self.fields[attributes["name"]] = attributes.get("value", "")

    def handle_endtag(self, tag):
        if tag == "form":
            self._inside = False


class Browser:
    def __init__(self, dev):
        self._session = requests.Session()
        self._session.verify = dev.env["CA_FILE"]
        self._dev = dev

    def open(self, url, follow=True):
        return self._arrive(self._session.get(url, timeout=20, allow_redirects=follow), follow)

    def send(self, page, follow=True, **fields):
        """Send the form of a page."""
        form = Form(page.text)
        assert form.action is not None, f"{page.url} has no form: {page.status_code} {page.text}"
        url = urljoin(page.url, form.action)
        return self._arrive(self._session.post(url, data={**form.fields, **fields}, timeout=20, allow_redirects=follow), follow)

    def log_in(self, page, user="USER", follow=True):
        """Fill in the login page as a person of dev."""
        assert "current-password" in page.text, f"{page.url} asks for no password: {page.status_code} {page.text}"
        env = self._dev.env
        return self.send(page, follow, identifier=env[user + "_EMAIL"], password=env[user + "_PASSWORD"], answer="login")

    def go_on(self, page):
        """Follow a page that leads on by itself, as long as there is one."""
        while "Refresh" in page.headers:
            page = self._session.get(urljoin(page.url, self.leads_to(page)), timeout=20)
        return page

    @staticmethod
    def leads_to(page):
        """Where a page that was not followed leads."""
        return page.headers.get("Location") or page.headers["Refresh"].split("url=", 1)[1]

    def _arrive(self, page, follow):
        return self.go_on(page) if follow else page
