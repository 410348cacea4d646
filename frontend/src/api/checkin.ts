/** The backend's API, as this page uses it. Every function throws a Problem. */
import { type Decoder, listOf, moment, object, oneOf, text, whole } from "./decode";
import { ask } from "./http";

export interface Session {
  readonly id: string;
  readonly title: string;
  readonly startsAt: Date;
  readonly capacity: number;
  readonly checkedIn: number;
}

export interface Participant {
  readonly id: string;
  readonly name: string;
  readonly email: string;
}

export interface CheckIn {
  readonly participantId: string;
  readonly participantName: string;
  readonly status: "on_time" | "late";
  readonly at: Date;
}

export interface List<Item> {
  readonly items: readonly Item[];
  /** How many there are; more than `items` where not all were asked for. */
  readonly total: number;
}

export interface Version {
  readonly release: string;
  readonly revision: string;
}

const session = object((read): Session => ({
  id: read("id", text),
  title: read("title", text),
  startsAt: read("starts_at", moment),
  capacity: read("capacity", whole),
  checkedIn: read("checked_in", whole),
}));

const participant = object((read): Participant => ({
  id: read("id", text),
  name: read("name", text),
  email: read("email", text),
}));

const participantName = object((read) => ({ id: read("id", text), name: read("name", text) }));

const checkIn = object((read): CheckIn => {
  const who = read("participant", participantName);
  return {
    participantId: who.id,
    participantName: who.name,
    status: read("status", oneOf("on_time", "late")),
    at: read("checked_in_at", moment),
  };
});

const version = object((read): Version => ({ release: read("release", text), revision: read("revision", text) }));

/** The most that one request may ask for. */
const PAGE = 100;
/** The most that this page holds of one list. */
const MOST = 5000;

/** Lists sessions, the latest start first. */
export function listSessions(wanted: number, signal: AbortSignal): Promise<List<Session>> {
  return list("/api/v1/sessions", session, wanted, ({ id }) => id, signal);
}

export async function readSession(id: string, signal: AbortSignal): Promise<Session> {
  return session((await ask(`/api/v1/sessions/${encodeURIComponent(id)}`, { signal })).body, "session");
}

/** Lists participants by name. */
export function listParticipants(signal: AbortSignal): Promise<List<Participant>> {
  return list("/api/v1/participants", participant, MOST, ({ id }) => id, signal);
}

/** Lists who has checked in to a session, in the order of arrival. */
export function listCheckIns(sessionId: string, signal: AbortSignal): Promise<List<CheckIn>> {
  return list(checkInsOf(sessionId), checkIn, MOST, ({ participantId }) => participantId, signal);
}

export async function createSession(title: string, startsAt: Date, capacity: number): Promise<Session> {
  const body = { title, starts_at: startsAt.toISOString(), capacity };
  return session((await ask("/api/v1/sessions", { body })).body, "session");
}

export async function createParticipant(name: string, email: string): Promise<Participant> {
  return participant((await ask("/api/v1/participants", { body: { name, email } })).body, "participant");
}

/** Checks a participant in. `isNew` is false when that was done before: asking twice does no harm. */
export async function checkInto(
  sessionId: string,
  participantId: string,
): Promise<{ checkIn: CheckIn; isNew: boolean }> {
  const { status, body } = await ask(checkInsOf(sessionId), { body: { participant_id: participantId } });
  return { checkIn: checkIn(body, "check-in"), isNew: status === 201 };
}

export async function readVersion(signal: AbortSignal): Promise<Version> {
  return version((await ask("/version", { signal })).body, "version");
}

function checkInsOf(sessionId: string): string {
  return `/api/v1/sessions/${encodeURIComponent(sessionId)}/check-ins`;
}

/** Asks page after page until `wanted` items are there. What moved between two pages meanwhile is not listed twice. */
async function list<Item>(
  path: string,
  item: Decoder<Item>,
  wanted: number,
  keyOf: (item: Item) => string,
  signal: AbortSignal,
): Promise<List<Item>> {
  const page = object((read) => ({ items: read("items", listOf(item)), total: read("total", whole) }));
  const found = new Map<string, Item>();
  let offset = 0;
  for (;;) {
    const limit = Math.min(PAGE, wanted - offset);
    const { items, total } = page(
      (await ask(`${path}?limit=${String(limit)}&offset=${String(offset)}`, { signal })).body,
      "list",
    );
    for (const entry of items) {
      found.set(keyOf(entry), entry);
    }
    offset += limit;
    if (items.length < limit || offset >= Math.min(wanted, total)) {
      return { items: [...found.values()], total };
    }
  }
}
