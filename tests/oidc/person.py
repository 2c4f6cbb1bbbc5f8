#!/usr/bin/env python3
"""Plays the person in front of a browser, without one.

  person.py authorize URL LOGIN[:PASSWORD] [deny]   prints the address the browser is sent back to
  person.py device    URL LOGIN[:PASSWORD] [deny]   URL has the code in it; prints the text of the last page

Fills in and sends each form it meets, and stops at the first redirect that leaves the provider's own origin. A form that
leaves it goes as a browser sends it.
"""

import html
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser
from http.cookiejar import CookieJar


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.forms, self.links, self.open = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        kind = (found.get("type") or "text").lower()
        if tag == "form":
            self.open = {"action": found.get("action") or "", "method": found.get("method") or "get", "fields": [], "buttons": []}
            self.forms.append(self.open)
        elif tag == "a" and found.get("href"):
            self.links.append(found["href"])
        elif self.open and tag == "button":
            self.open["buttons"].append((found.get("name") or "", found.get("value") or ""))
        elif self.open and tag == "input" and found.get("name"):
            if kind == "submit":
                self.open["buttons"].append((found["name"], found.get("value") or ""))
            else:
                self.open["fields"].append((found["name"], kind, found.get("value") or ""))

    def handle_endtag(self, tag):
        if tag == "form":
            self.open = None


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def declines(button):
    return "abort" in button[0] or button[1] in ("deny", "logout")


def filled(form, login, password, denies):
    values = {}
    for name, kind, value in form["fields"]:
        if kind == "password":
            value = password or "pw"
        elif kind in ("text", "email") and not value:
            value = login
        elif kind == "checkbox":
            value = value or "on"
        values[name] = value
    buttons = [button for button in form["buttons"] if button[0] and declines(button) == denies]
    buttons = buttons or [button for button in form["buttons"] if button[0] and not declines(button)]
    values.update(buttons[:1])
    return urllib.parse.urlencode(values)


def main(mode, url, who, *more):
    login, _, password = who.partition(":")
    denies = "deny" in more
    origin = urllib.parse.urlsplit(url)[:2]
    handlers = [urllib.request.HTTPCookieProcessor(CookieJar()), NoRedirect, urllib.request.ProxyHandler({})]
    browser = urllib.request.build_opener(*handlers)
    data, declined, foreign = None, False, {}
    for _ in range(25):
        try:
            reply = browser.open(urllib.request.Request(url, data=data, headers=foreign), timeout=60)
        except urllib.error.HTTPError as error:
            reply = error
        text = reply.read().decode("utf-8", "replace")
        data = None
        if reply.headers.get("Location"):
            url = urllib.parse.urljoin(url, reply.headers["Location"])
            if urllib.parse.urlsplit(url)[:2] != origin:
                print(url)
                return 0
            continue
        page = Page(text)
        stops = [link for link in page.links if link.endswith("/abort")]
        if denies and stops:
            url, declined = urllib.parse.urljoin(url, stops[0]), True
            continue
        # Some offer to begin anew after a no.
        if not page.forms or declined or reply.status >= 400:
            print(" ".join(html.unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", text, flags=re.S)).split())[:400])
            return 0 if reply.status < 400 else 1
        form = page.forms[0]
        url = urllib.parse.urljoin(url, form["action"])
        sent = filled(form, login, password, denies)
        if urllib.parse.urlsplit(url)[:2] != origin:
            foreign = {"Origin": "://".join(origin), "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        declined = declined or (denies and "abort" in sent)
        if form["method"].lower() == "get":
            url = f"{url}?{sent}"
        else:
            data = sent.encode()
    print("too many pages", file=sys.stderr)
    return 1


sys.exit(main(*sys.argv[1:]))
