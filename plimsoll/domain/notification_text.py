"""Notices in the form that each kind of channel takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plimsoll.domain.channel import FAILED, SLACK, VERIFIED, WEBHOOK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plimsoll.domain.channel import Channel
    from plimsoll.domain.notification import Notice

# A chat shows the end of a log; mail and the JSON of a generic webhook have all of it.
CHAT_LINES = 6
# Slack cuts texts at 3,000 characters or so, in the middle of a word.
CHAT_TEXT = 2500
GIT_REVISION = 12


def message(notice: Notice, channel: Channel) -> dict[str, Any]:
    """Return what a channel sends: the body of a webhook, or subject, sender, recipients and text of a mail."""
    if channel.kind == WEBHOOK:
        return notice.to_json()
    if channel.kind == SLACK:
        return slack(notice)
    mail = channel.mail
    return {
        "subject": notice.title,
        "from": mail.sender if mail else "",
        "to": list(mail.to) if mail else [],
        "text": "\n".join((notice.title, "", *_told(notice), *_details(notice), "")),
    }


def slack(notice: Notice) -> dict[str, Any]:
    """Return the body for an incoming webhook as Slack, Mattermost and Rocket.Chat take it: a line, and an attachment."""
    said = [_chat(line) for line in _told(notice)]
    excerpts = notice.failure.excerpts if notice.failure else ()
    if excerpts:
        lines = [_chat(line).replace("```", "'''") for line in excerpts[0].lines[-CHAT_LINES:]]
        said += [_chat(excerpts[0].title), "```", *lines, "```"]
    colours = {VERIFIED: "good", FAILED: "danger"}
    colour = next((colours[event] for event in reversed(notice.events) if event in colours), "warning")
    attachment = {"color": colour, "fallback": _chat(notice.title), "text": "\n".join(said), "mrkdwn_in": ["text"]}
    return {"text": _chat(notice.title), "attachments": [attachment]}


def _told(notice: Notice) -> Iterator[str]:
    """Yield what happened, the cause first."""
    release, error, occasion = notice.release, notice.error, notice.occasion
    if error is not None:
        yield f"Cause: {error.what}"
        if error.now:
            yield f"Now: {error.now}"
    if release is not None:
        dirty = ", with uncommitted changes" if release.dirty else ""
        yield f"Release: {release.name} ({release.state.value}), source {release.git_revision[:GIT_REVISION]}{dirty}"
        yield f"Images: {', '.join(f'{name} {image.tag}' for name, image in sorted(release.images.items()))}"
        if release.approval:
            yield f"Approved by: {release.approval.by} ({release.approval.kind})"
        if release.broken_glass:
            yield f"Passed its gate by broken glass: {release.broken_glass}"
    yield f"By: {occasion.actor}, {occasion.at}"
    yield from (f"{label}: {url}" for label, url in (("Address", occasion.url), ("Run", occasion.run)) if url)


def _details(notice: Notice) -> Iterator[str]:
    failure = notice.failure
    if failure is None:
        return
    yield from ("", *(f"Also: {cause.workload}: {cause.headline}" for cause in failure.others))
    for event in failure.events:
        yield f"{event.last_seen} {event.object} {event.reason}: {event.told}"
    for each in failure.excerpts:
        yield from ("", f"{each.title[0].upper()}{each.title[1:]}:", *(f"  {line}" for line in each.lines))
    yield from ("", "Look further:", *(f"  {command}" for command in failure.commands))


def _chat(text: str) -> str:
    """Return text that a chat shows as it is: no link, no mention of anybody."""
    shown = text if len(text) <= CHAT_TEXT else f"{text[: CHAT_TEXT - 1]}…"
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "@\u200b")
