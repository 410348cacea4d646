import { useCallback, useState } from "react";
import { listSessions, type Session } from "./api/checkin";
import { Desk } from "./components/desk";
import { Release } from "./components/release";
import { Link } from "./components/link";
import { Sessions } from "./components/sessions";
import { useLoad } from "./load";
import { sessionPath, useRoute } from "./route";

const AT_FIRST = 20;

/** The page: the sessions, and the desk of the chosen one. On a narrow screen one of the two. */
export function App() {
  const { sessionId, go } = useRoute();
  const [wanted, setWanted] = useState(AT_FIRST);
  const load = useCallback((signal: AbortSignal) => listSessions(wanted, signal), [wanted]);
  const sessions = useLoad(load);

  const created = (session: Session) => {
    sessions.reload();
    go(sessionPath(session.id));
  };

  return (
    <>
      <header className="top">
        <h1>
          <Link className="brand" to="/" go={go}>
            <img src="/icon.svg" alt="" width="32" height="32" />
            Check-in
          </Link>
        </h1>
      </header>
      <main className={sessionId === undefined ? "choosing" : "at-desk"}>
        <Sessions
          load={sessions}
          selected={sessionId}
          go={go}
          onCreated={created}
          onMore={() => {
            setWanted(wanted + AT_FIRST);
          }}
        />
        {sessionId === undefined ? (
          <section className="desk nothing">
            <p>Choose a session to check participants in.</p>
          </section>
        ) : (
          <Desk key={sessionId} sessionId={sessionId} go={go} onChange={sessions.reload} />
        )}
      </main>
      <footer>
        <Release />
      </footer>
    </>
  );
}
