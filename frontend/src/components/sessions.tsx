import { type List, type Session } from "../api/checkin";
import type { Load } from "../load";
import { sessionPath } from "../route";
import { dayAndTime } from "../words";
import { Link } from "./link";
import { NewSession } from "./new-session";
import { Failure, Loading } from "./notice";

interface Props {
  load: Load<List<Session>>;
  selected: string | undefined;
  go: (path: string) => void;
  onCreated: (session: Session) => void;
  onMore: () => void;
}

/** The list of sessions with its loading, empty and error states, and the form for another one. */
export function Sessions({ load, selected, go, onCreated, onMore }: Props) {
  const { data, problem, busy, reload } = load;
  const isEmpty = data?.items.length === 0;
  return (
    <section className="sessions" aria-labelledby="sessions-heading">
      <div className="heading">
        <h2 id="sessions-heading">Sessions</h2>
        <button type="button" className="plain" onClick={reload} disabled={busy}>
          Refresh
        </button>
      </div>
      {problem && (
        <Failure
          problem={problem}
          what={data ? "This list may be out of date." : "The sessions cannot be shown."}
          retry={reload}
          busy={busy}
        />
      )}
      {data === undefined && !problem && <Loading what="sessions" />}
      {isEmpty && <p className="empty">There are no sessions yet. Create the first one.</p>}
      {data && !isEmpty && (
        <ul className="cards" aria-busy={busy}>
          {data.items.map((session) => (
            <li key={session.id}>
              <Link
                to={sessionPath(session.id)}
                go={go}
                className="card"
                aria-current={session.id === selected ? "true" : undefined}
              >
                <span className="title">{session.title}</span>
                <time dateTime={session.startsAt.toISOString()}>{dayAndTime(session.startsAt)}</time>
                <Places session={session} />
              </Link>
            </li>
          ))}
        </ul>
      )}
      {data && data.items.length < data.total && (
        <button type="button" className="more" onClick={onMore} disabled={busy}>
          {busy ? "Loading…" : `Show more (${String(data.total - data.items.length)} left)`}
        </button>
      )}
      {data && <NewSession isFirst={isEmpty} onCreated={onCreated} />}
    </section>
  );
}

/** How many of a session's places are taken, in words and as a bar. */
export function Places({ session }: { session: Session }) {
  const { checkedIn, capacity } = session;
  return (
    <span className="places">
      <svg className="gauge" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <rect width={Math.min(100, (100 * checkedIn) / capacity)} height="8" />
      </svg>
      <span>
        {checkedIn} of {capacity} checked in
      </span>
      {checkedIn >= capacity && <span className="badge full">Full</span>}
    </span>
  );
}
