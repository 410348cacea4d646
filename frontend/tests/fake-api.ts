/** The backend's API in memory, with its rules and its documents; for the page's tests, in jsdom and in a real browser. */
export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

interface StoredSession {
  id: string;
  title: string;
  starts_at: string;
  capacity: number;
  created_at: string;
}

interface StoredParticipant {
  id: string;
  name: string;
  email: string;
  created_at: string;
}

interface StoredCheckIn {
  session_id: string;
  participant: { id: string; name: string };
  status: "on_time" | "late";
  checked_in_at: string;
}

const LATE_AFTER_MS = 10 * 60_000;

export class FakeApi {
  readonly sessions: StoredSession[] = [];
  readonly participants: StoredParticipant[] = [];
  readonly checkIns: StoredCheckIn[] = [];
  release = "r-42";

  session(title: string, startsAt: Date, capacity = 20): StoredSession {
    const made = {
      id: crypto.randomUUID(),
      title,
      starts_at: startsAt.toISOString(),
      capacity,
      created_at: new Date().toISOString(),
    };
    this.sessions.push(made);
    return made;
  }

  participant(name: string): StoredParticipant {
    const email = `${name.toLowerCase().replaceAll(/[^a-z]+/g, ".")}@example.org`;
    const made = { id: crypto.randomUUID(), name, email, created_at: new Date().toISOString() };
    this.participants.push(made);
    return made;
  }

  checkIn(session: StoredSession, participant: StoredParticipant, at = new Date()): StoredCheckIn {
    const made: StoredCheckIn = {
      session_id: session.id,
      participant: { id: participant.id, name: participant.name },
      status: at.getTime() - Date.parse(session.starts_at) > LATE_AFTER_MS ? "late" : "on_time",
      checked_in_at: at.toISOString(),
    };
    this.checkIns.push(made);
    return made;
  }

  /** Answers a request as the backend would. */
  handle(method: string, address: string, body?: string): Reply {
    const { pathname, searchParams } = new URL(address, "http://check-in");
    const sent = body === undefined ? {} : (JSON.parse(body) as Record<string, unknown>);
    const [, id, checkIns] = /^\/api\/v1\/sessions\/([^/]+)(\/check-ins)?$/.exec(pathname) ?? [];
    if (pathname === "/version") {
      return json(200, { release: this.release, revision: "0123456789abcdef0123456789abcdef01234567" });
    }
    if (pathname === "/api/v1/sessions") {
      return method === "POST" ? this.#addSession(sent) : paged(this.#latestFirst(), searchParams);
    }
    if (pathname === "/api/v1/participants") {
      return method === "POST"
        ? this.#addParticipant(sent)
        : paged(
            this.participants.toSorted((a, b) => a.name.localeCompare(b.name)),
            searchParams,
          );
    }
    const session = this.sessions.find((known) => known.id === id);
    if (session === undefined) {
      return problem(404, "Unknown session", "There is no such session.");
    }
    if (checkIns === undefined) {
      return json(200, this.#counted(session));
    }
    return method === "POST" ? this.#addCheckIn(session, sent) : paged(this.#of(session), searchParams);
  }

  #of(session: StoredSession): StoredCheckIn[] {
    return this.checkIns.filter((known) => known.session_id === session.id);
  }

  #counted(session: StoredSession) {
    return { ...session, checked_in: this.#of(session).length };
  }

  #latestFirst() {
    return this.sessions
      .toSorted((a, b) => b.starts_at.localeCompare(a.starts_at))
      .map((session) => this.#counted(session));
  }

  #addSession({ title, starts_at: startsAt, capacity }: Record<string, unknown>): Reply {
    if (typeof title !== "string" || title === "") {
      return invalid("title", "String should have at least 1 character");
    }
    return json(201, this.#counted(this.session(title, new Date(String(startsAt)), Number(capacity))));
  }

  #addParticipant({ name, email }: Record<string, unknown>): Reply {
    if (this.participants.some((known) => known.email === String(email).toLowerCase())) {
      return problem(409, "Email taken", "There is a participant with this email address.");
    }
    return json(201, Object.assign(this.participant(String(name)), { email: String(email).toLowerCase() }));
  }

  #addCheckIn(session: StoredSession, { participant_id: id }: Record<string, unknown>): Reply {
    const participant = this.participants.find((known) => known.id === id);
    if (participant === undefined) {
      return problem(404, "Unknown participant", "There is no such participant.");
    }
    const before = this.#of(session).find((known) => known.participant.id === id);
    if (before !== undefined) {
      return json(200, before);
    }
    if (this.#of(session).length >= session.capacity) {
      return problem(409, "Session full", `All ${String(session.capacity)} places of this session are taken.`);
    }
    return json(201, this.checkIn(session, participant));
  }
}

export function json(status: number, document: unknown): Reply {
  return { status, type: "application/json", body: JSON.stringify(document) };
}

export function problem(status: number, title: string, detail: string, more: Record<string, unknown> = {}): Reply {
  const document = {
    type: "about:blank",
    title,
    status,
    detail,
    trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
    ...more,
  };
  return { status, type: "application/problem+json", body: JSON.stringify(document) };
}

function invalid(name: string, detail: string): Reply {
  return problem(422, "Invalid input", "The request is not valid: see `errors`.", {
    errors: [{ in: "body", name, detail }],
  });
}

function paged(all: readonly unknown[], search: URLSearchParams): Reply {
  const limit = Number(search.get("limit") ?? 20);
  const offset = Number(search.get("offset") ?? 0);
  if (limit < 1 || limit > 100) {
    return invalid("limit", "Input should be from 1 to 100");
  }
  return json(200, { items: all.slice(offset, offset + limit), total: all.length, limit, offset });
}
