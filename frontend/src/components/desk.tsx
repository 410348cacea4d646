import { useCallback, useEffect, useRef, useState } from "react";
import {
  type CheckIn,
  checkInto,
  type List,
  listCheckIns,
  listParticipants,
  type Participant,
  readSession,
  type Session,
} from "../api/checkin";
import type { Problem } from "../api/problem";
import { asProblem, useLoad } from "../load";
import { dayAndTime, timeOfDay } from "../words";
import { Link } from "./link";
import { NewParticipant } from "./new-participant";
import { Failure, Loading } from "./notice";
import { Roster } from "./roster";
import { Places } from "./sessions";

interface Props {
  sessionId: string;
  go: (path: string) => void;
  /** Called when the number of those who have checked in may have changed. */
  onChange: () => void;
}

interface Opened {
  readonly session: Session;
  readonly participants: List<Participant>;
  readonly checkIns: List<CheckIn>;
}

type Result =
  | { readonly kind: "done" | "late" | "known"; readonly text: string }
  | { readonly kind: "failed"; readonly who: Participant; readonly problem: Problem };

/** Where participants are checked in to one session. */
export function Desk({ sessionId, go, onChange }: Props) {
  const load = useCallback((signal: AbortSignal) => loadDesk(sessionId, signal), [sessionId]);
  const { data, problem, busy, reload } = useLoad(load);
  return (
    <section className="desk" aria-label="Check-in desk">
      <Link className="back" to="/" go={go}>
        <span aria-hidden="true">← </span>All sessions
      </Link>
      {problem?.status === 404 && <p className="empty">There is no such session. It may have been removed.</p>}
      {problem && problem.status !== 404 && (
        <Failure
          problem={problem}
          what={data ? "This may be out of date." : "The session cannot be shown."}
          retry={reload}
          busy={busy}
        />
      )}
      {!data && !problem && <Loading what="the session" />}
      {data && (
        <Open
          {...data}
          reload={() => {
            reload();
            onChange();
          }}
        />
      )}
    </section>
  );
}

/** The desk once its session is known. */
function Open({ session, participants, checkIns, reload }: Opened & { reload: () => void }) {
  const [result, setResult] = useState<Result>();
  const [pending, setPending] = useState<string>();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // Whoever came here by keyboard or screen reader goes on here, not in the list.
    heading.current?.focus();
  }, []);

  const checkIn = async (who: Participant) => {
    setPending(who.id);
    setResult(await tryCheckIn(session.id, who));
    setPending(undefined);
    // After a refusal too: what this page shows was then not the latest.
    reload();
  };

  return (
    <>
      <title>{`${session.title} · Check-in`}</title>
      <h2 ref={heading} tabIndex={-1}>
        {session.title}
      </h2>
      <p className="facts">
        <time dateTime={session.startsAt.toISOString()}>{dayAndTime(session.startsAt)}</time>
        <Places session={session} />
      </p>
      <Outcome result={result} pending={pending !== undefined} retry={(who) => void checkIn(who)} />
      <Roster
        participants={participants}
        checkIns={checkIns}
        pending={pending}
        onCheckIn={(who) => void checkIn(who)}
      />
      <NewParticipant
        isFirst={participants.total === 0}
        onCreated={({ name }) => {
          setResult({ kind: "done", text: `${name} is in the list now.` });
          reload();
        }}
      />
    </>
  );
}

/** What came of the last action. The region stands there from the start, so that screen readers notice when it changes. */
function Outcome({
  result,
  pending,
  retry,
}: {
  result: Result | undefined;
  pending: boolean;
  retry: (who: Participant) => void;
}) {
  return (
    <div className="outcome">
      <div role="status">
        {result && result.kind !== "failed" && <p className={`notice ${result.kind}`}>{result.text}</p>}
      </div>
      {result?.kind === "failed" && (
        <Failure
          problem={result.problem}
          what={`${result.who.name} is not checked in.`}
          busy={pending}
          {...(result.problem.isFault && {
            retry: () => {
              retry(result.who);
            },
          })}
        />
      )}
    </div>
  );
}

async function tryCheckIn(sessionId: string, who: Participant): Promise<Result> {
  try {
    const { checkIn, isNew } = await checkInto(sessionId, who.id);
    const name = checkIn.participantName;
    const late = checkIn.status === "late";
    if (!isNew) {
      const when = `${timeOfDay(checkIn.at)}${late ? ", late" : ""}`;
      return { kind: "known", text: `${name} was already checked in at ${when}.` };
    }
    return late
      ? { kind: "late", text: `${name} is checked in, late.` }
      : { kind: "done", text: `${name} is checked in, on time.` };
  } catch (error) {
    return { kind: "failed", who, problem: asProblem(error) };
  }
}

async function loadDesk(sessionId: string, signal: AbortSignal): Promise<Opened> {
  const [session, participants, checkIns] = await Promise.all([
    readSession(sessionId, signal),
    listParticipants(signal),
    listCheckIns(sessionId, signal),
  ]);
  return { session, participants, checkIns };
}
