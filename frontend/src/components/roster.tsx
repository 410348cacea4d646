import { type RefObject, useEffect, useId, useRef, useState } from "react";
import type { CheckIn, List, Participant } from "../api/checkin";
import { timeOfDay } from "../words";

/** More rows than this help nobody at a door; the search narrows them down. */
const ROWS = 50;

interface Props {
  participants: List<Participant>;
  checkIns: List<CheckIn>;
  /** Who is being checked in right now. */
  pending: string | undefined;
  onCheckIn: (who: Participant) => void;
}

/** All participants, searchable, each with a button or with how they came. */
export function Roster({ participants, checkIns, pending, onCheckIn }: Props) {
  const [search, setSearch] = useState("");
  const id = useId();
  const rows = useRef<HTMLUListElement>(null);
  const keepFocus = useFocusOnRow(rows, checkIns);
  if (participants.total === 0) {
    return <p className="empty">There are no participants yet. Add the first one.</p>;
  }
  const arrived = new Map(checkIns.items.map((checkIn) => [checkIn.participantId, checkIn]));
  const matching = search.trim() === "" ? participants.items : participants.items.filter(matcherOf(search));
  return (
    <div className="roster">
      <label htmlFor={id}>Find a participant</label>
      <input
        id={id}
        type="search"
        autoComplete="off"
        placeholder="Name or email"
        value={search}
        onChange={(event) => {
          setSearch(event.target.value);
        }}
      />
      <p className="quiet" role="status">
        {countOf(matching.length, participants, search)}
      </p>
      <ul ref={rows}>
        {matching.slice(0, ROWS).map((who) => (
          <li key={who.id} data-id={who.id} tabIndex={-1}>
            <span className="who">
              <span className="name">{who.name}</span>
              <Email address={who.email} />
            </span>
            <Presence
              checkIn={arrived.get(who.id)}
              who={who}
              pending={pending}
              onCheckIn={() => {
                keepFocus(who.id);
                onCheckIn(who);
              }}
            />
          </li>
        ))}
      </ul>
    </div>
  );
}

/**
 * Returns a function to call before someone is checked in by their button. Once they are, the button with the focus gives way
 * to a badge; whoever works by keyboard then goes on from that row, not from the top of the page.
 */
function useFocusOnRow(rows: RefObject<HTMLUListElement | null>, checkIns: List<CheckIn>): (id: string) => void {
  const asked = useRef<string>(undefined);
  useEffect(() => {
    if (asked.current !== undefined && checkIns.items.some(({ participantId }) => participantId === asked.current)) {
      if (document.activeElement === document.body) {
        rows.current?.querySelector<HTMLElement>(`[data-id="${CSS.escape(asked.current)}"]`)?.focus();
      }
      asked.current = undefined;
    }
  }, [rows, checkIns]);
  return (id) => {
    asked.current = id;
  };
}

/** On a narrow screen it breaks before the @, where it can. */
function Email({ address }: { address: string }) {
  const at = address.lastIndexOf("@");
  return (
    <span className="quiet">
      {address.slice(0, at)}
      <wbr />
      {address.slice(at)}
    </span>
  );
}

interface PresenceProps {
  checkIn: CheckIn | undefined;
  who: Participant;
  pending: string | undefined;
  onCheckIn: () => void;
}

function Presence({ checkIn, who, pending, onCheckIn }: PresenceProps) {
  if (checkIn) {
    return (
      <span className={`badge ${checkIn.status}`}>
        {checkIn.status === "late" ? "Late" : "On time"} ·{" "}
        <time dateTime={checkIn.at.toISOString()}>{timeOfDay(checkIn.at)}</time>
      </span>
    );
  }
  return (
    <button
      type="button"
      className="primary"
      aria-label={`Check in ${who.name}`}
      // Not `disabled`, which would take the focus away.
      aria-disabled={pending !== undefined}
      onClick={() => {
        if (pending === undefined) {
          onCheckIn();
        }
      }}
    >
      {pending === who.id ? "Checking in…" : "Check in"}
    </button>
  );
}

function countOf(matching: number, participants: List<Participant>, search: string): string {
  if (matching === 0) {
    return `Nobody matches “${search.trim()}”.`;
  }
  const shown = Math.min(matching, ROWS);
  const missing = participants.total - participants.items.length;
  const rest = missing > 0 ? ` The last ${String(missing)} in the alphabet cannot be searched here.` : "";
  return `${String(shown)} of ${String(participants.total)} participants shown.${rest}`;
}

/** Tells whether every word of the search is part of a participant's name or address. */
function matcherOf(search: string): (who: Participant) => boolean {
  const words = fold(search).split(/\s+/);
  return ({ name, email }) => {
    const text = fold(`${name} ${email}`);
    return words.every((word) => text.includes(word));
  };
}

/** Lower case, without accents: "Zoë" is found by "zoe". */
function fold(text: string): string {
  return text
    .normalize("NFD")
    .replaceAll(/\p{Diacritic}/gu, "")
    .toLowerCase()
    .trim();
}
