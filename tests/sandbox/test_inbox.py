"""The inbox page: who may see it, what it shows, and what a message cannot do to it."""

import shutil
import subprocess
from html.parser import HTMLParser

import pytest
import requests

FROM = "+15005550006"
EVIL = (
    '<p>Hello</p><script>parent.document.title = document.title = "HACKED"</script>'
    '"><script>document.title = "HACKED"</script>'
    '<img src="x" onerror="parent.document.title = \'HACKED\'"></iframe>'
)


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, html):
        super().__init__()
        self.elements = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def send_sms(sandbox, to="+8613812345678", body="hi"):
    return sandbox.twilio().messages.create(to=to, from_=FROM, body=body)


def look(sandbox, **asked):
    reply = sandbox.inbox().post(sandbox.url, data=asked, timeout=5)
    assert reply.status_code == 200
    return Page(reply.text)


def ids(page):
    return [int(article["id"].removeprefix("m")) for article in page.all("article")]


def test_a_stranger_sees_the_door_and_nothing_else(sandbox):
    send_sms(sandbox, body="private text")
    for reply in (
        requests.get(sandbox.url, timeout=5),
        requests.post(sandbox.url, data={"words": "private"}, timeout=5),
        requests.get(f"{sandbox.url}/?token=wrong", timeout=5),
        sandbox.inbox(token="wrong").get(sandbox.url, timeout=5),
        requests.get(sandbox.url, cookies={"dunflow_inbox": "the-inbox-token"}, timeout=5),
    ):
        assert reply.status_code == 401
        assert "private text" not in reply.text
        assert Page(reply.text).all("article") == []


def test_the_token_opens_it_once_and_stays_in_no_address_and_no_cookie(sandbox):
    browser = requests.Session()
    reply = browser.get(f"{sandbox.url}/?token=the-inbox-token", timeout=5)
    assert (reply.status_code, reply.url) == (200, f"{sandbox.url}/")
    [cookie] = browser.cookies
    assert "the-inbox-token" not in (cookie.value or "")
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "strict"


def test_messages_are_shown_newest_first_with_all_their_parts(sandbox, mail):
    send_sms(sandbox, body="【星桥】您好 <b>1,300.00</b>")
    sandbox.sendgrid().send(mail())
    page = look(sandbox)
    assert ids(page) == [2, 1]
    for shown in (
        "+8613812345678",
        "【星桥】您好 <b>1,300.00</b>",
        "weber@mail.example",
        "A payment is overdue",
        "Harbour Loans <billing@harbour.example>",
        "EUR 1,300.00 is overdue.",
        "Monday, 2 March 2026",
        "09:00:00",
    ):
        assert shown in page.text


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("WEBER@", [3]),
        ("+86 138-1234 5678", [1]),
        ("13812", [1]),
        ("逾期", [2]),
        ("k7Qm2x", [3]),
        ("100%", [2]),
        ("_", []),
        ("nobody", []),
    ],
)
def test_a_search_looks_at_numbers_addresses_texts_and_references(sandbox, mail, words, found):
    send_sms(sandbox)
    send_sms(sandbox, to="+8613900000000", body="逾期 100% 1300")
    sandbox.sendgrid().send(mail())
    assert ids(look(sandbox, words=words)) == found


def test_a_search_stays_out_of_every_address_on_the_page(sandbox):
    send_sms(sandbox)
    page = look(sandbox, words="13812345678", channel="sms")
    for link in page.all("a"):
        assert "13812345678" not in (link["href"] or "")
    assert {form["method"] for form in page.all("form")} == {"post"}


def test_a_channel_can_be_chosen_and_the_counts_stay_whole(sandbox, mail):
    send_sms(sandbox)
    sandbox.sendgrid().send(mail())
    page = look(sandbox, channel="email")
    assert ids(page) == [2]
    assert "All2" in page.text
    assert "SMS1" in page.text


def test_older_leads_through_every_message_once(sandbox, mail):
    people = [{"to": [{"email": f"p{n}@mail.example"} for n in range(95)]}]
    sandbox.sendgrid().send(mail(personalizations=people))
    seen, before = [], ""
    while True:
        page = look(sandbox, before=before)
        seen += ids(page)
        older = [b["value"] for b in page.all("button") if b.get("name") == "before" and b["value"]]
        if not older:
            break
        before = older[0]
    assert seen == list(range(95, 0, -1))


@pytest.mark.parametrize("asked", [{"before": "9" * 40}, {"before": "-1"}, {"channel": "fax"}])
def test_an_odd_question_shows_the_inbox(sandbox, asked):
    send_sms(sandbox)
    assert ids(look(sandbox, **asked)) == [1]


def test_the_html_of_a_message_is_shut_into_a_frame_that_runs_nothing(sandbox, mail):
    content = [{"type": "text/plain", "value": EVIL}, {"type": "text/html", "value": EVIL}]
    sandbox.sendgrid().send(mail(content=content, subject=EVIL))
    send_sms(sandbox, body=EVIL)
    reply = sandbox.inbox().get(sandbox.url, timeout=5)
    page = Page(reply.text)
    assert page.all("script") == []
    assert page.all("img") == []
    [frame] = page.all("iframe")
    assert frame["srcdoc"] == EVIL
    assert frame["sandbox"] in (None, "")
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no chromium here")
def test_in_a_real_browser_an_evil_message_changes_nothing(sandbox, mail, tmp_path):
    content = [{"type": "text/plain", "value": EVIL}, {"type": "text/html", "value": EVIL}]
    sandbox.sendgrid().send(mail(content=content))
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'c'}"]
    browser = subprocess.run(
        ["chromium", *options, "--dump-dom", f"{sandbox.url}/?token=the-inbox-token"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "<title>Sandbox inbox</title>" in browser.stdout
    assert "<iframe" in browser.stdout
